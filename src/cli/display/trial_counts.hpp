#pragma once

#include <cstddef>
#include <vector>

#include "tunescope/plan/planned_trial.hpp"

namespace tunescope::cli {

/// How many trials have which status.
struct TrialCounts {
  std::size_t total = 0, done = 0, diverged = 0, failed = 0, missing = 0;
  std::size_t partial = 0;  ///< of those missing: saved on their way

  void add(const StoredTrial& stored);
  std::size_t to_run() const { return missing + failed; }
};

TrialCounts count(const std::vector<PlannedTrial>& trials);

}  // namespace tunescope::cli
