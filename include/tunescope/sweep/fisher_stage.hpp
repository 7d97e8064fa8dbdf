#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tunescope/comm/reducer.hpp"
#include "tunescope/sweep/fisher_run.hpp"
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

/// Looks up what is stored of these runs. Throws `ConfigError` where a run asks for more examples than its task has,
/// or a method of the job for scalars whose Fisher information the job does not measure or keep.
std::vector<PlannedFisher> plan_fisher(const SweepSpec& spec, const std::vector<FisherRun>& runs, SweepInputs& inputs);

/// What rank 0 hears of the stage.
struct FisherObserver {
  std::function<void(const PlannedFisher& run, double seconds)> on_finish;
  std::function<void(const PlannedFisher& run, const std::string& error)> on_failure;
};

/// What every rank works with.
struct RankContext {
  const Communicator& world;
  const SweepSpec& spec;
  SweepInputs& inputs;
  WorkerOptions worker;
  StopRequest& stop;
};

/// The trainings whose weights pending runs measure, each once.
std::vector<PlannedTrial> fisher_sources(const std::vector<PlannedFisher>& runs);

/// Whether a source has still to be trained: pending runs measure weights that it has not left.
bool lacks_weights(const SweepSpec& spec, const PlannedTrial& source, const std::vector<PlannedFisher>& runs);

/// Trains one source: an ordinary trial that leaves its weights at the steps at which `runs` measure them.
TrialOutcome train_source(const RankContext& context, const PlannedTrial& source,
                          const std::vector<PlannedFisher>& runs, const ProgressReport& report);

/// Computes every pending run with all ranks, one after another, and writes its file. *Collective.* A run whose source
/// has left no weights, or whose gradients are not finite, is reported and left out. Ends early, between two runs,
/// where rank 0's stop is set.
void compute_fisher_runs(const RankContext& context, Reducer& reducer, const std::vector<PlannedFisher>& runs,
                         const FisherObserver& observer);

}  // namespace tunescope
