#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "tunescope/train/trial_end.hpp"

namespace tunescope {

/// Watches how the first trials of a sweep end. If all of them fail, what is broken is not theirs: the sweep should
/// end before all the others have failed as well.
class FailureWatch {
 public:
  /// `limit`: of how many trials; 0 = it never finds anything broken.
  explicit FailureWatch(std::int64_t limit) : limit_(static_cast<std::size_t>(limit)) {}

  /// Takes note of a trial, by its identifier. One that is done or has diverged shows that trials can be trained, and
  /// ends the watch. Ends that are neither that nor a failure say nothing.
  void record(const std::string& trial, TrialEnd end);

  /// Whether the first trials have all failed.
  bool is_broken() const { return limit_ > 0 && failed_.size() == limit_; }
  /// The trials that failed before any was finished, at most `limit`.
  const std::vector<std::string>& failed() const { return failed_; }

 private:
  std::size_t limit_;
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
