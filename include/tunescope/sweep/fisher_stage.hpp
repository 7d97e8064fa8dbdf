#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tunescope/comm/reducer.hpp"
#include "tunescope/sweep/fisher_run.hpp"
#include "tunescope/sweep/stop.hpp"
#include "tunescope/sweep/sweep.hpp"

namespace tunescope {

/// A Fisher run of a job and where it stands.
struct PlannedFisher {
  FisherRun run;
  std::string id;
  std::int64_t step = 0;  ///< of the source's training
  bool is_done = false;
  std::string warning;  ///< why a file that exists does not count
};

/// Plans these runs; nothing is looked up. Throws `ConfigError` where a run asks for more examples than its task has,
/// or a method of the job for scalars whose Fisher information the job does not measure or keep.
std::vector<PlannedFisher> plan_fisher(const SweepSpec& spec, const std::vector<FisherRun>& runs, SweepInputs& inputs);

/// After how many steps of its source's training a run measures the weights.
std::int64_t step_of(const FisherRun& run, SweepInputs& inputs);

/// How many examples a run measures.
std::int64_t examples_of(const FisherRun& run, SweepInputs& inputs);

/// Looks up what is stored of planned runs; a run of another job in the same results folder is linked into this job's.
void find_stored_fisher(const SweepSpec& spec, std::vector<PlannedFisher>& runs);

/// What rank 0 hears of the stage; runs by their number in the list.
struct FisherObserver {
  /// Of rank 0's share; the other ranks have as much to do.
  std::function<void(std::size_t run, std::int64_t done, std::int64_t of)> on_progress;
  std::function<void(std::size_t run, double seconds)> on_finish;
  std::function<void(std::size_t run, const std::string& error)> on_failure;
};

/// What every rank works with.
struct RankContext {
  const Communicator& world;
  const SweepSpec& spec;
  SweepInputs& inputs;
  WorkerOptions worker;
  StopRequest& stop;
};

/// Computes every pending run with all ranks, one after another, and writes its file. *Collective.* A run whose source
/// has left no weights, or whose gradients are not finite, is reported and left out. Where rank 0's stop is set before
/// a run, or that of any rank during one, each rank saves its share and the stop of all is set.
void compute_fisher_runs(const RankContext& context, Reducer& reducer, const std::vector<PlannedFisher>& runs,
                         const FisherObserver& observer);

}  // namespace tunescope
