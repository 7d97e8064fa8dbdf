#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "tunescope/sweep/scheduler.hpp"
#include "tunescope/sweep/sweep.hpp"

namespace tunescope::cli {

/// Shows a sweep's progress on standard output: a bar on a terminal, a line a finished trial elsewhere.
class ProgressDisplay {
 public:
  /// `order` lists the trials that will run.
  ProgressDisplay(const std::vector<PlannedTrial>& trials, const std::vector<std::size_t>& order, ProgressStyle style);

  /// The functions that keep this display up to date; it must outlive them.
  SweepObserver observer();

 private:
  void start(std::size_t trial, int rank);
  void progress(std::size_t trial, double fraction);
  void finish(std::size_t trial, const TrialOutcome& outcome);
  void draw_bar() const;
  double finished_share() const;
  std::string remaining() const;
  std::string counts() const;

  const std::vector<PlannedTrial>& trials_;
  ProgressStyle style_;
  std::size_t count_ = 0;
  std::size_t finished_ = 0;
  std::size_t failed_ = 0;
  double total_flops_ = 0.0;
  double finished_flops_ = 0.0;
  std::map<std::size_t, double> running_;  // fraction done
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point last_shown_ = begin_;
};

/// Seconds as people say them: "8 s", "3 min 20 s", "5 h 10 min".
std::string readable_duration(double seconds);

}  // namespace tunescope::cli
