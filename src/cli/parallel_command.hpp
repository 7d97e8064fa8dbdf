#pragma once

#include <functional>

#include "tunescope/cli/exit_status.hpp"
#include "tunescope/parallel/rank_team.hpp"
#include "tunescope/run/rank_context.hpp"

namespace tunescope::cli {

/// A command that all ranks carry out together.
struct ParallelCommand {
  FisherRunsOf fisher_runs;
  /// The result, the same on every rank, is the exit status.
  std::function<ExitStatus(RankTeam& team, const RankContext& rank)> run;
};

/// Starts MPI, opens the job of the command line, reports once whatever is wrong with it, sets the ranks up and runs
/// the command. An exception after that ends all ranks.
ExitStatus run_parallel(int argc, char** argv, RunListener& listener, const ParallelCommand& command);

/// What rank 0 says when a command ends with `kStoppedEarly`.
void print_stopped_early(const SweepSpec& spec);

}  // namespace tunescope::cli
