#pragma once

#include <cstddef>

#include "tunescope/parallel/rank_team.hpp"
#include "tunescope/run/listener.hpp"
#include "tunescope/run/rank_context.hpp"

namespace tunescope {

/// How a sweep ended, the same on every rank.
struct SweepEnd {
  bool is_stopped = false;     ///< with work left; the merged file is as it was
  bool has_lost_work = false;  ///< a rank could not save what it was at work on when the stop came
  bool is_broken = false;      ///< all of the first trials failed, so it ended as if it was stopped; nothing is counted
  std::size_t trials = 0;
  std::size_t done = 0;
};

/// Does what is missing of a job: trains its trials, computes the Fisher information that its methods choose by, waits
/// for trials that other sweeps on the same folder have taken (and trains what those leave unfinished), and writes the
/// merged file.
SweepEnd run_sweep(RankTeam& team, const RankContext& rank, RunListener& listener);

/// How the computation of a job's Fisher runs ended, the same on every rank.
struct FisherEnd {
  bool is_stopped = false;     ///< with work left; the merged file is as it was
  bool has_lost_work = false;  ///< as for a sweep
  bool is_broken = false;      ///< as for a sweep
  /// False if the merged file was kept because it may hold trials whose files do not count now.
  bool is_merged = false;
  std::size_t runs = 0;
  std::size_t done = 0;
};

/// Computes what is missing of a job's Fisher runs, with the trainings that they measure, and merges.
FisherEnd run_fisher(RankTeam& team, const RankContext& rank, RunListener& listener);

}  // namespace tunescope
