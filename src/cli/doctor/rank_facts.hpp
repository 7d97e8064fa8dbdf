#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tunescope/device/device.hpp"
#include "tunescope/parallel/rank_team.hpp"
#include "tunescope/plan/sweep_spec.hpp"

namespace tunescope::cli {

/// What a rank finds about itself and its machine.
struct RankFacts {
  int rank = 0;
  std::string host;
  int cores = 0;            ///< that this rank may use
  int node_cores = 0;       ///< that any rank of its node may use
  int machine_cores = 0;    ///< that are online, whoever may use them
  double core_quota = 0.0;  ///< of which its control groups leave it the time; 0 = of all
  int threads = 1;
  std::string threads_by;             ///< the environment variable that says so, "run.threads", or empty
  double memory_bytes = 0.0;          ///< of the host, that this process can allocate
  std::string device;                 ///< "cpu", or a GPU with its driver; empty if there is none that the job can use
  double seconds_ahead = 0.0;         ///< of its wall clock, compared with that of rank 0
  std::vector<std::string> problems;  ///< that it has found by itself
};
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(RankFacts, rank, host, cores, node_cores, machine_cores, core_quota, threads,
                                   threads_by, memory_bytes, device, seconds_ahead, problems)

/// Of all ranks, by rank, on every rank. `threads` is what the job asks for, 0 if it leaves that open. Collective.
std::vector<RankFacts> find_rank_facts(RankTeam& team, DeviceKind device, std::int64_t threads);

}  // namespace tunescope::cli
