#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "tunescope/train/trial_end.hpp"

namespace tunescope {

/// Watches how the trials of a sweep that start first end. If all of them fail, what is broken is not theirs: the sweep
/// should end before all the others have failed as well.
class FailureWatch {
 public:
  /// `limit`: how many trials; 0 = it never finds anything broken.
  explicit FailureWatch(std::int64_t limit) : limit_(static_cast<std::size_t>(limit)) {}

  /// Takes note of a trial that starts, by its identifier. The first are watched, so that trials that fail at once do
  /// not outrun those that take their time.
  void start(const std::string& trial);
  /// Takes note of how a trial ends. Any that is done or has diverged shows that trials can be trained, and ends the
  /// watch. After an end that is neither that nor a failure, a later trial is watched in the place of this one.
  void record(const std::string& trial, TrialEnd end);

  /// Whether the first trials have all failed.
  bool is_broken() const { return limit_ > 0 && !has_ended_ && failed_.size() == limit_; }
  /// The watched trials that have failed.
  const std::vector<std::string>& failed() const { return failed_; }

 private:
  std::size_t limit_;
  std::set<std::string> running_;
  std::vector<std::string> failed_;
  bool has_ended_ = false;
};

/// The error that most of several trials ended with, the first of equals.
struct CommonError {
  std::string text;
  std::size_t count = 0;  ///< of trials that ended with it
};
CommonError commonest(const std::vector<std::string>& errors);

}  // namespace tunescope
