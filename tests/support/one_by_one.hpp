#pragma once

#include <utility>

#include "tunescope/sweep/scheduler.hpp"

namespace tunescope::test {

/// A worker that runs one trial after another.
inline Worker one_by_one(std::function<TrialOutcome(std::size_t trial, const ProgressReport& report)> run) {
  return [run = std::move(run)](TrialQueue& queue) {
    while (const std::optional<std::size_t> trial = queue.next()) {
      queue.finish(*trial,
                   run(*trial, [&](std::int64_t step, std::int64_t steps) { queue.report(*trial, step, steps); }));
    }
  };
}

}  // namespace tunescope::test
