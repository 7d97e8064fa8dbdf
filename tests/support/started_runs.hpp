#pragma once

#include <memory>
#include <vector>

#include "tunescope/train/training_run.hpp"

namespace tunescope::test {

/// A run of each trial, as yet without a step, and the group that they form. The trials must outlive it.
struct StartedRuns {
  explicit StartedRuns(const std::vector<TrainInputs>& trials) {
    for (const TrainInputs& trial : trials) {
      runs.push_back(std::make_unique<TrainingRun>(trial, TrainControl{}));
      group.push_back(runs.back().get());
    }
  }

  std::vector<std::unique_ptr<TrainingRun>> runs;
  std::vector<TrainingRun*> group;
};

}  // namespace tunescope::test
