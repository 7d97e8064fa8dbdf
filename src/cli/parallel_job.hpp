#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "tunescope/cli/exit_status.hpp"
#include "tunescope/mpi/communicator.hpp"
#include "tunescope/sweep/fisher_stage.hpp"
#include "tunescope/sweep/folder_lock.hpp"
#include "tunescope/sweep/inputs.hpp"
#include "tunescope/sweep/sweep.hpp"

namespace tunescope::cli {

/// A job with its inputs, on one rank.
struct Job {
  explicit Job(SweepSpec parsed);
  SweepSpec spec;
  SweepInputs inputs;
  InputHashes hashes;
  std::unique_ptr<FolderLock> lock;  ///< on rank 0
};

/// What a command does with all ranks; the result, the same on every rank, is the exit status.
using ParallelCommand = std::function<ExitStatus(const RankContext& context, const InputHashes& hashes)>;

/// Starts MPI, reads and checks the job on rank 0, reports once whatever is wrong with it, gives every rank its device
/// and threads, and runs the command. An exception of the command ends all ranks. *Collective.*
ExitStatus run_parallel(int argc, char** argv, const ParallelCommand& command);

/// Makes pending Fisher runs with all ranks: trains their sources, then computes them. Returns whether all of `runs`
/// are stored now, the same on every rank. *Collective.*
bool run_fisher_stage(const RankContext& context, std::vector<PlannedFisher> runs);

/// Trains pending trials over all ranks, in the given order, showing progress. Returns whether the sweep was stopped,
/// the same on every rank. *Collective.*
bool run_and_show_trials(const RankContext& context, const std::vector<PlannedTrial>& trials,
                         const std::vector<std::size_t>& order, const TrialFunction& run);

/// Rank 0's numbers on every rank. *Collective.*
std::vector<std::size_t> agree(const Communicator& world, const std::vector<std::size_t>& numbers);

}  // namespace tunescope::cli
