#pragma once

#include <functional>

#include "tunescope/base/exit_status.hpp"
#include "tunescope/parallel/rank_team.hpp"
#include "tunescope/run/rank_context.hpp"

namespace tunescope::cli {

/// A command that all ranks carry out together.
struct ParallelCommand {
  FisherRunsOf fisher_runs;
  /// The result, the same on every rank, is the exit status.
  std::function<ExitStatus(RankTeam& team, const RankContext& rank)> run;
};

/// Starts MPI and calls `work` on every rank. An exception of one ends all.
ExitStatus run_on_ranks(const std::function<ExitStatus(RankTeam& team)>& work);

/// Calls `work`, whose errors are thrown on every rank as by `RankTeam::on_root`, and prints them once. The result is
/// the status that they mean, the same on every rank. Collective.
ExitStatus report_once(RankTeam& team, const std::function<void()>& work);

/// Starts MPI, opens the job of the command line, reports once whatever is wrong with it, sets the ranks up and runs
/// the command. An exception after that ends all ranks.
ExitStatus run_parallel(int argc, char** argv, RunListener& listener, const ParallelCommand& command);

/// Says on rank 0 that a command was stopped, and returns its status: `kWrongEnvironment` if a rank could not save what
/// it was at work on.
ExitStatus report_stop(const RankTeam& team, const SweepSpec& spec, bool has_lost_work);

}  // namespace tunescope::cli
