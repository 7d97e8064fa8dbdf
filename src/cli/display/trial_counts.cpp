#include "cli/display/trial_counts.hpp"

namespace tunescope::cli {

void TrialCounts::add(const StoredTrial& stored) {
  ++total;
  if (!stored.end) {
    ++missing;
    partial += stored.has_checkpoint ? 1 : 0;
  } else if (*stored.end == TrialEnd::kDone) {
    ++done;
  } else if (*stored.end == TrialEnd::kDiverged) {
    ++diverged;
  } else {
    ++failed;
  }
}

TrialCounts count(const std::vector<PlannedTrial>& trials) {
  TrialCounts counts;
  for (const PlannedTrial& planned : trials) counts.add(planned.stored);
  return counts;
}

}  // namespace tunescope::cli
