#pragma once

#include <string>
#include <vector>

#include "tunescope/sweep/sweep.hpp"

namespace tunescope {

/// Of the memory there is, what trials may take; the model, evaluation and the allocator take the rest.
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
  std::vector<double> trials;  ///< what each takes on one thread, in any unit
  int most_ranks = 1;          ///< that there is memory for
};

/// The unfinished ones of these trials, by their floating-point operations, with so many bytes free for all ranks
/// together, half of which trials may take.
SplitWork split_work(const std::vector<PlannedTrial>& trials, double memory);

/// A lower bound on the time that the trials take. Threads shorten a step only in part (Amdahl), ranks the sweep only
/// as far as there are trials.
double expected_time(const SplitWork& work, const CoreSplit& split);

/// The split of so many cores that should end soonest; of equally good ones that with most ranks.
CoreSplit best_core_split(const SplitWork& work, int cores);

}  // namespace tunescope
