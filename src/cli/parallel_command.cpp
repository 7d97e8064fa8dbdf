#include "cli/parallel_command.hpp"

#include <spdlog/fmt/fmt.h>

#include <chrono>
#include <cmath>
#include <memory>
#include <thread>

#include "cli/single_job.hpp"
#include "tunescope/cli/commands.hpp"
#include "tunescope/parallel/environment.hpp"
#include "tunescope/schedule/stop_signals.hpp"

namespace tunescope::cli {
namespace {

constexpr std::chrono::seconds kTimeForPeerToReport{10};

}  // namespace

ExitStatus report_once(RankTeam& team, const std::function<void()>& work) {
  ExitStatus status = kAllDone;
  try {
    work();
  } catch (const PeerError&) {
  } catch (const std::exception& error) {
    if (!team.is_root()) throw;
    fmt::print(stderr, "tunescope: {}\n", error.what());
    status = status_of(error);
  }
  return team.on_root([&] { return status; });
}

ExitStatus run_on_ranks(const std::function<ExitStatus(RankTeam& team)>& work) {
  MpiEnvironment mpi;
  RankTeam& team = mpi.world();
  try {
    return work(team);
  } catch (const PeerError&) {
    std::this_thread::sleep_for(kTimeForPeerToReport);  // it says why, and ends all ranks with its status
    abort_all_ranks(kWrongEnvironment);
  } catch (const std::exception& error) {
    // The other ranks may wait in a collective that this one will never reach.
    fmt::print(stderr, "tunescope: [rank {}] {}\n", team.rank(), error.what());
    abort_all_ranks(status_of(error));
  }
}

ExitStatus run_parallel(int argc, char** argv, RunListener& listener, const ParallelCommand& command) {
  StopRequest stop;
  StopSignals signals(stop);  // first, so that a signal during start-up counts
  return run_on_ranks([&](RankTeam& team) {
    std::unique_ptr<Job> job;
    ExitStatus status = report_once(team, [&] {
      const auto parse = [&] { return parse_single_job(parse_command_line(argc, argv)); };
      job = open_job(team, parse, command.fisher_runs, listener);
    });
    if (status == kAllDone) {
      const RankContext rank = set_up_rank(team, *job, stop, listener);
      const SweepSpec& spec = job->spec;
      stop.set_deadline(
          find_deadline(spec.deadline_seconds, std::chrono::seconds(std::llround(spec.end_margin_seconds))));
      status = command.run(team, rank);
    }
    signals.ignore_from_here_on();
    return status;
  });
}

ExitStatus report_stop(const RankTeam& team, const SweepSpec& spec, bool has_lost_work) {
  if (!has_lost_work) {
    if (team.is_root()) fmt::print("{}: stopped early with everything saved; run it again to resume\n", spec.name);
    return kStoppedEarly;
  }
  if (team.is_root()) {
    fmt::print(stderr,
               "tunescope: {}: stopped early, and not everything could be saved: the files in {} say what and why; run "
               "it again to resume from the checkpoints before\n",
               spec.name, JobFolder(spec).log.string());
  }
  return kWrongEnvironment;
}

}  // namespace tunescope::cli
