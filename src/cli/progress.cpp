#include "tunescope/cli/progress.hpp"

#include <spdlog/fmt/fmt.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "tunescope/data/task.hpp"

namespace tunescope::cli {
namespace {

constexpr std::string_view kClearLine = "\r\x1B[K";

std::string describe(const Trial& trial) {
  return fmt::format("{:<5}  {:<36}  lr {:<7}  seed {}", trial.task, trial.method.text(), trial.learning_rate,
                     trial.seed);
}

std::string describe(const TrialOutcome& outcome, const Trial& trial) {
  const std::string_view metric = metric_name(find_task(trial.task).headline);
  switch (outcome.state) {
    case TrialState::kDone:
      return fmt::format("{} {:.1f}", metric, 100.0 * outcome.score);
    case TrialState::kDiverged:
      return "diverged";
    case TrialState::kFailed:
      return "FAILED, see tunescope status";
    case TrialState::kStopped:
      return "saved";
  }
  return "";
}

// Open MPI gives rank 0 a pseudo-terminal even in a batch job, so what counts is where the launcher itself writes.
bool is_on_terminal() {
  if (::isatty(STDOUT_FILENO) != 1) return false;
  if (std::getenv("OMPI_COMM_WORLD_SIZE") == nullptr) return true;
  std::error_code error;
  const auto target = std::filesystem::read_symlink(fmt::format("/proc/{}/fd/1", ::getppid()), error).string();
  return !error && (target.starts_with("/dev/pts/") || target.starts_with("/dev/tty"));
}

constexpr std::chrono::milliseconds kRedrawInterval{200};
constexpr std::chrono::seconds kLineInterval{60};

}  // namespace

std::string readable_duration(double seconds) {
  const auto whole = static_cast<long>(std::lround(seconds));
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
}

ProgressDisplay::ProgressDisplay(const std::vector<PlannedTrial>& trials, const std::vector<std::size_t>& order,
                                 ProgressStyle style)
    : trials_(trials), style_(style), count_(order.size()) {
  if (style_ == ProgressStyle::kAuto) {
    style_ = is_on_terminal() ? ProgressStyle::kBar : ProgressStyle::kLines;
  }
  for (const std::size_t trial : order) total_flops_ += trials[trial].flops;
}

SweepObserver ProgressDisplay::observer() {
  if (style_ == ProgressStyle::kNone) return {};
  return {.on_start = [this](std::size_t trial, int rank) { start(trial, rank); },
          .on_progress =
              [this](std::size_t trial, std::int64_t step, std::int64_t steps) {
                progress(trial, static_cast<double>(step) / static_cast<double>(steps));
              },
          .on_finish = [this](std::size_t trial, const TrialOutcome& outcome) { finish(trial, outcome); }};
}

void ProgressDisplay::start(std::size_t trial, int) {
  running_[trial] = 0.0;
  if (style_ == ProgressStyle::kBar) draw_bar();
}

void ProgressDisplay::progress(std::size_t trial, double fraction) {
  running_[trial] = fraction;
  const auto now = std::chrono::steady_clock::now();
  if (style_ == ProgressStyle::kBar && now - last_shown_ >= kRedrawInterval) {
    last_shown_ = now;
    draw_bar();
  }
  if (style_ == ProgressStyle::kLines && now - last_shown_ >= kLineInterval) {
    last_shown_ = now;
    fmt::print("{:.0f} %: {}\n", 100.0 * finished_share(), counts());
    std::fflush(stdout);
  }
}

void ProgressDisplay::finish(std::size_t trial, const TrialOutcome& outcome) {
  ++finished_;
  failed_ += outcome.state == TrialState::kDone ? 0 : 1;
  finished_flops_ += trials_[trial].flops;
  running_.erase(trial);
  const Trial& finished = trials_[trial].trial;
  fmt::print("{}[{}/{}]  {}  {}  in {}; {} to go\n", style_ == ProgressStyle::kBar ? kClearLine : "", finished_, count_,
             describe(finished), describe(outcome, finished), readable_duration(outcome.seconds), remaining());
  if (style_ == ProgressStyle::kBar && finished_ < count_) draw_bar();
  std::fflush(stdout);
}

double ProgressDisplay::finished_share() const {
  double flops = finished_flops_;
  for (const auto& [trial, fraction] : running_) flops += fraction * trials_[trial].flops;
  return total_flops_ > 0.0 ? flops / total_flops_ : 0.0;
}

// From the share of the expected work that is done and the time it took.
std::string ProgressDisplay::remaining() const {
  const double share = finished_share();
  if (share <= 0.0) return "?";
  const double elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  return readable_duration(elapsed * (1.0 - share) / share);
}

std::string ProgressDisplay::counts() const {
  return fmt::format("{} of {} trials, {} running{}, {} to go", finished_, count_, running_.size(),
                     failed_ > 0 ? fmt::format(", {} failed or diverged", failed_) : "", remaining());
}

void ProgressDisplay::draw_bar() const {
  constexpr int kWidth = 32;
  const int filled = static_cast<int>(finished_share() * kWidth);
  fmt::print("{}[{}{}] {:3.0f} %  {}", kClearLine, std::string(filled, '#'), std::string(kWidth - filled, '.'),
             100.0 * finished_share(), counts());
  std::fflush(stdout);
}

}  // namespace tunescope::cli
