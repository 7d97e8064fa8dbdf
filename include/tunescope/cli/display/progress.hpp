#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "tunescope/plan/sweep_spec.hpp"
#include "tunescope/train/trial_end.hpp"

namespace tunescope::cli {

/// Shows on standard output how far a list of tasks is: a bar on a terminal, a line for each finished task otherwise.
class ProgressDisplay {
 public:
  struct Item {
    std::string label;
    double work = 1.0;  ///< expected, relative to the others
  };

  /// `noun` names the items in the plural.
  ProgressDisplay(std::vector<Item> items, std::string noun, ProgressStyle style);

  void start(std::size_t item);
  void progress(std::size_t item, double fraction);
  /// `result` is what the line says of it; nothing is shown of what another sweep does.
  void finish(std::size_t item, TrialEnd end, const std::string& result, double seconds);

 private:
  void draw_bar() const;
  double finished_share() const;
  std::string remaining() const;
  std::string counts() const;

  std::vector<Item> items_;
  std::string noun_;
  ProgressStyle style_;
  std::size_t finished_ = 0;
  std::size_t bad_ = 0;
  double total_work_ = 0.0;
  double finished_work_ = 0.0;
  std::map<std::size_t, double> running_;  // fraction done
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point last_shown_ = begin_;
};

/// Seconds as people say them: "8 s", "3 min 20 s", "5 h 10 min".
std::string readable_duration(double seconds);

}  // namespace tunescope::cli
