#include "tunescope/schedule/failure_watch.hpp"

#include <algorithm>

namespace tunescope {

void FailureWatch::start(const std::string& trial) {
  if (running_.size() + failed_.size() < limit_) running_.insert(trial);
}

void FailureWatch::record(const std::string& trial, TrialEnd end) {
  if (is_final(end)) has_ended_ = true;
  if (running_.erase(trial) > 0 && end == TrialEnd::kFailed) failed_.push_back(trial);
}

CommonError commonest(const std::vector<std::string>& errors) {
  CommonError common;
  for (const std::string& error : errors) {
    const auto count = static_cast<std::size_t>(std::ranges::count(errors, error));
    if (count > common.count) common = {.text = error, .count = count};
  }
  return common;
}

}  // namespace tunescope
