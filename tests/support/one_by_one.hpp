#pragma once

#include <functional>
#include <utility>

#include "tunescope/schedule/coordinator.hpp"

namespace tunescope::test {

/// Tells rank 0 how far a trial is.
using ProgressReport = std::function<void(std::int64_t step, std::int64_t steps)>;

/// A worker that runs one trial after another.
inline Worker one_by_one(std::function<TrialSummary(TrialIndex trial, const ProgressReport& report)> run) {
  return [run = std::move(run)](TrialQueue& queue) {
    while (const std::optional<TrialIndex> trial = queue.next()) {
      queue.finish(*trial, run(*trial, [&](std::int64_t step, std::int64_t steps) {
        queue.report(*trial, step, steps);
        queue.poll_stop();
      }));
    }
  };
}

/// A queue of trials that are expected to take as long as each other and to train alone.
inline std::vector<QueuedTrial> equal_trials(std::size_t count) {
  std::vector<QueuedTrial> queue;
  for (TrialIndex trial = 0; trial < count; ++trial) queue.push_back({.trial = trial});
  return queue;
}

}  // namespace tunescope::test
