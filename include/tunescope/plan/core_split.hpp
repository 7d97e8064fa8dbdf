#pragma once

#include <string>
#include <vector>

#include "tunescope/plan/planned_trial.hpp"

namespace tunescope {

/// Fraction of the free memory that trials may use; the model, evaluation and the allocator use the rest.
inline constexpr double kTrialsShareOfMemory = 0.5;

/// How the cores of a machine are shared out.
struct CoreSplit {
  int ranks = 1;
  int threads = 1;  ///< of each rank

  /// "2 ranks with 1 thread each"
  std::string text() const;
};

/// What is to be trained on a machine.
struct SplitWork {
  std::vector<double> trials;  ///< work of each, in any unit
  int max_ranks = 1;           ///< that there is memory for
};

/// The unfinished of these trials, by their floating-point operations, on a machine with `memory` free bytes, of which
/// each rank takes `rank_bytes` besides what its trials add.
SplitWork split_work(const std::vector<PlannedTrial>& trials, double memory, double rank_bytes);

/// A lower bound on the time that the trials take. Threads shorten only a part of each step (Amdahl's law); ranks help
/// only while there are as many trials.
double expected_time(const SplitWork& work, const CoreSplit& split);

/// The split of `cores` that should end soonest; if several are equally good, the one with the most ranks.
CoreSplit best_core_split(const SplitWork& work, int cores);

}  // namespace tunescope
