#include "tunescope/schedule/failure_watch.hpp"

#include <algorithm>

namespace tunescope {

void FailureWatch::record(const std::string& trial, TrialEnd end) {
  if (is_final(end)) has_ended_ = true;
  if (end == TrialEnd::kFailed && !has_ended_ && failed_.size() < limit_) failed_.push_back(trial);
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
