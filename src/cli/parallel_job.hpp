#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "tunescope/cli/exit_status.hpp"
#include "tunescope/mpi/communicator.hpp"
#include "tunescope/sweep/fisher_stage.hpp"
#include "tunescope/sweep/folder_lock.hpp"
#include "tunescope/sweep/inputs.hpp"
#include "tunescope/sweep/recorded_trial.hpp"
#include "tunescope/sweep/sweep.hpp"

namespace tunescope::cli {

/// Between two looks at what another sweep has claimed.
constexpr std::chrono::seconds kClaimPoll{1};

/// A job with its inputs, on one rank.
struct Job {
  explicit Job(SweepSpec parsed);
  SweepSpec spec;
  SweepInputs inputs;
  InputHashes hashes;
  std::vector<PlannedFisher> fisher;  ///< of the command; what is stored of them is not looked up yet
  std::unique_ptr<FolderLock> lock;   ///< on rank 0
};

/// A command that all ranks carry out together.
struct ParallelCommand {
  /// The Fisher runs that it computes where they are missing.
  std::function<std::vector<FisherRun>(const SweepSpec& spec, const InputHashes& hashes)> fisher_runs;
  /// The result, the same on every rank, is the exit status.
  std::function<ExitStatus(const RankContext& context, Job& job)> run;
};

/// Starts MPI, reads and checks the job on rank 0, reports once whatever is wrong with it, gives every rank its device
/// and threads, and runs the command. An exception of the command ends all ranks. *Collective.*
ExitStatus run_parallel(int argc, char** argv, const ParallelCommand& command);

/// Looks up what is stored of these Fisher runs, the same on every rank. Returns whether any is missing. *Collective.*
bool find_pending_fisher(const RankContext& context, std::vector<PlannedFisher>& runs);

/// Makes what is missing of the job's Fisher runs with all ranks: trains their sources, then computes them. Returns
/// whether all are stored now, the same on every rank. *Collective.*
bool run_fisher_stage(const RankContext& context, Job& job);

/// How a list of trials ended.
struct TrialsEnd {
  bool is_stopped = false;  ///< the same on every rank
  Order recorded;           ///< on rank 0: those whose files are there now
  Order elsewhere;          ///< on rank 0: those that another sweep trains or has trained
};

/// What is done with each trial of a list.
struct TrialWork {
  std::function<std::unique_ptr<RecordedTrial>(std::size_t trial, const ProgressReport& report)> start;
  /// Whether another sweep has done it since the list was made; asked when this rank has claimed the trial.
  std::function<bool(std::size_t trial)> is_done = [](std::size_t) { return false; };
};

/// Trains pending trials over all ranks, in the given order, showing progress. *Collective.*
TrialsEnd run_and_show_trials(const RankContext& context, const std::vector<PlannedTrial>& trials, const Order& order,
                              const TrialWork& work);

/// What rank 0 says where a command ends with `kStoppedEarly`.
void print_stopped_early(const SweepSpec& spec);

/// Rank 0's numbers on every rank. *Collective.*
Order agree(const Communicator& world, const Order& numbers);

}  // namespace tunescope::cli
