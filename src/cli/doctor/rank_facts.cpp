#include "cli/doctor/rank_facts.hpp"

#include <spdlog/fmt/fmt.h>
#include <unistd.h>

#include <chrono>

#include "cli/doctor/process_limits.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/base/hostname.hpp"
#include "tunescope/device/control_groups.hpp"
#include "tunescope/device/gpu.hpp"
#include "tunescope/device/host_memory.hpp"
#include "tunescope/run/rank_context.hpp"

namespace tunescope::cli {
namespace {

std::string device_text(c10::Device device) {
  if (device.is_cpu()) return "cpu";
  const GpuDescription gpu = describe_gpu(device);
  return fmt::format("{} ({}, {})", device.str(), gpu.name, gpu.software);
}

// Exact to the time in which all ranks leave a barrier: milliseconds.
std::vector<double> seconds_ahead_of_root(RankTeam& team) {
  team.barrier();
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto all = team.all_gather(std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
  std::vector<double> seconds;
  for (const std::int64_t nanoseconds : all) seconds.push_back(1e-9 * static_cast<double>(nanoseconds - all.front()));
  return seconds;
}

}  // namespace

std::vector<RankFacts> find_rank_facts(RankTeam& team, DeviceKind device, std::int64_t threads) {
  RankTeam node = team.split_by_node();
  const int node_cores = cores_of_node(node);
  const ThreadChoice choice = choose_threads(threads, available_cores(), threads_per_rank(node_cores, node.size()));
  RankFacts own{.rank = team.rank(),
                .host = hostname(),
                .cores = available_cores(),
                .node_cores = node_cores,
                .machine_cores = static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN)),
                .core_quota = core_quota().value_or(0.0),
                .threads = choice.count,
                .threads_by = threads > 0 ? "run.threads" : std::string(choice.variable),
                .memory_bytes = available_host_memory(),
                .device = {},
                .seconds_ahead = seconds_ahead_of_root(team)[static_cast<std::size_t>(team.rank())],
                .problems = process_limit_problems()};
  try {
    own.device = device_text(choose_device(device, node.rank()));
  } catch (const Error& error) {
    own.problems.emplace_back(error.what());
  }
  const std::string text = nlohmann::json(own).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  std::vector<RankFacts> all;
  for (int rank = 0; rank < team.size(); ++rank) {
    all.push_back(nlohmann::json::parse(team.broadcast(text, rank)).get<RankFacts>());
  }
  return all;
}

}  // namespace tunescope::cli
