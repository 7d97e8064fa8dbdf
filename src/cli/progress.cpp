#include "tunescope/cli/progress.hpp"

#include <spdlog/fmt/fmt.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "tunescope/data/task.hpp"

namespace tunescope::cli {
namespace {

constexpr std::string_view kClearLine = "\r\x1B[K";

std::string describe(const Trial& trial) {
  return fmt::format("{:<5}  {:<36}  lr {:<7}  seed {}", trial.task, trial.method.text(), trial.learning_rate, trial.seed);
}

std::string describe(const TrialOutcome& outcome, const Trial& trial) {
  const std::string_view metric = metric_name(find_task(trial.task).headline);
  switch (outcome.state) {
    case TrialState::kDone: return fmt::format("{} {:.1f}", metric, 100.0 * outcome.score);
    case TrialState::kDiverged: return "diverged";
    case TrialState::kFailed: return "FAILED, see tunescope status";
  }
  return "";
}

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
    style_ = ::isatty(STDOUT_FILENO) == 1 ? ProgressStyle::kBar : ProgressStyle::kLines;
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
  if (style_ == ProgressStyle::kBar) draw_bar();
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

// From the share of the expected work that is done and the time it took.
std::string ProgressDisplay::remaining() const {
  double flops = finished_flops_;
  for (const auto& [trial, fraction] : running_) flops += fraction * trials_[trial].flops;
  if (flops <= 0.0) return "?";
  const double elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  return readable_duration(elapsed * (total_flops_ - flops) / flops);
}

void ProgressDisplay::draw_bar() const {
  constexpr int kWidth = 32;
  double flops = finished_flops_;
  for (const auto& [trial, fraction] : running_) flops += fraction * trials_[trial].flops;
  const double share = total_flops_ > 0.0 ? flops / total_flops_ : 0.0;
  const int filled = static_cast<int>(share * kWidth);
  fmt::print("{}[{}{}] {:3.0f} %  {} of {} trials, {} running{}, {} to go", kClearLine, std::string(filled, '#'),
             std::string(kWidth - filled, '.'), 100.0 * share, finished_, count_, running_.size(),
             failed_ > 0 ? fmt::format(", {} failed or diverged", failed_) : "", remaining());
  std::fflush(stdout);
}

}  // namespace tunescope::cli
