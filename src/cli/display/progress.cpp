#include "tunescope/cli/display/progress.hpp"

#include <spdlog/fmt/fmt.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string_view>
#include <utility>
namespace tunescope::cli {
namespace {

constexpr std::string_view kClearLine = "\r\x1B[K";

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

ProgressDisplay::ProgressDisplay(std::vector<Item> items, std::string noun, ProgressStyle style)
    : items_(std::move(items)), noun_(std::move(noun)), style_(style) {
  if (style_ == ProgressStyle::kAuto) {
    style_ = is_on_terminal() ? ProgressStyle::kBar : ProgressStyle::kLines;
  }
  for (const Item& item : items_) total_work_ += item.work;
}

void ProgressDisplay::start(std::size_t item) {
  running_[item] = 0.0;
  if (style_ == ProgressStyle::kBar) draw_bar();
}

void ProgressDisplay::progress(std::size_t item, double fraction) {
  running_[item] = fraction;
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

void ProgressDisplay::finish(std::size_t item, TrialEnd end, const std::string& result, double seconds) {
  running_.erase(item);
  if (end == TrialEnd::kTakenByAnotherSweep) {
    ++finished_;
    finished_work_ += items_[item].work;
    return;
  }
  if (style_ == ProgressStyle::kNone) return;
  const std::string_view clear = style_ == ProgressStyle::kBar ? kClearLine : "";
  if (end == TrialEnd::kStopped || end == TrialEnd::kNotSaved || end == TrialEnd::kGivenBack) {
    fmt::print("{}{}  {}\n", clear, items_[item].label, result);
  } else {
    ++finished_;
    bad_ += end == TrialEnd::kDone ? 0 : 1;
    finished_work_ += items_[item].work;
    fmt::print("{}[{}/{}]  {}  {}  in {}; {} to go\n", clear, finished_, items_.size(), items_[item].label, result,
               readable_duration(seconds), remaining());
  }
  if (style_ == ProgressStyle::kBar && finished_ < items_.size()) draw_bar();
  std::fflush(stdout);
}

double ProgressDisplay::finished_share() const {
  double work = finished_work_;
  for (const auto& [item, fraction] : running_) work += fraction * items_[item].work;
  return total_work_ > 0.0 ? work / total_work_ : 0.0;
}

// From the share of the expected work that is done and the time it took.
std::string ProgressDisplay::remaining() const {
  const double share = finished_share();
  if (share <= 0.0) return "?";
  const double elapsed = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  return readable_duration(elapsed * (1.0 - share) / share);
}

std::string ProgressDisplay::counts() const {
  return fmt::format("{} of {} {}, {} running{}, {} to go", finished_, items_.size(), noun_, running_.size(),
                     bad_ > 0 ? fmt::format(", {} failed or diverged", bad_) : "", remaining());
}

void ProgressDisplay::draw_bar() const {
  constexpr int kWidth = 32;
  const int filled = static_cast<int>(finished_share() * kWidth);
  fmt::print("{}[{}{}] {:3.0f} %  {}", kClearLine, std::string(filled, '#'), std::string(kWidth - filled, '.'),
             100.0 * finished_share(), counts());
  std::fflush(stdout);
}

}  // namespace tunescope::cli
