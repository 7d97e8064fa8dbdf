#include "tunescope/run/rank_context.hpp"

#include <ATen/Parallel.h>
#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <bit>

#include "tunescope/plan/core_split.hpp"

namespace tunescope {
namespace {

// Ranks of the node that use the memory of the same GPU, or of the same slice of one; on the CPU, all of them.
int ranks_on(at::Device device, RankTeam& node) {
  const std::int64_t own = memory_identity(device);
  const std::vector<std::int64_t> all = node.all_gather(own);
  return static_cast<int>(std::count(all.begin(), all.end(), own));
}

void note_idle_cores(const RankSetup& setup, std::string_view variable, std::int64_t all_cores, RunListener& listener) {
  const std::string reason =
      variable.empty()
          ? "the launcher binds the ranks to cores; start more ranks, or lift that with mpirun --bind-to none"
          : fmt::format("{} says so; start more ranks, or give --run.threads", variable);
  listener.on_note(
      fmt::format("{} of this node's {} cores are used: {}", setup.threads * setup.node_ranks, all_cores, reason));
}

// `memory` is what each rank of the node can allocate. Nothing is decided here: results would depend, in their last
// bits, on what else the node does.
void note_packed_weights(double bytes, double memory, RunListener& listener) {
  constexpr double kNotedShare = 0.25;
  if (bytes <= kNotedShare * memory) return;
  listener.on_note(fmt::format(
      "packed copies of frozen weights may take {:.1f} of the {:.1f} GB that each rank has; with fewer ranks "
      "on a node each has more, and run.pack_weights = no does without them",
      bytes / 1e9, memory / 1e9));
}

void choose_precision(RankTeam& team, SweepInputs& inputs, RunListener& listener) {
  if (team.all_of(inputs.is_bfloat16_faster())) {
    inputs.cast_to_bfloat16();
  } else if (team.is_root()) {
    listener.on_note("products in bfloat16 are not faster here; float32 is used");
  }
}

}  // namespace

int cores_of_node(RankTeam& node) {
  int cores = 0;
  for (const std::uint64_t own : core_mask()) {
    std::uint64_t together = 0;
    for (const std::int64_t word : node.all_gather(static_cast<std::int64_t>(own))) {
      together |= static_cast<std::uint64_t>(word);
    }
    cores += std::popcount(together);
  }
  return cores;
}

void set_up_evaluation(RankTeam& team, const SweepSpec& spec, SweepInputs& inputs) {
  RankTeam node = team.split_by_node();
  const int cores = cores_of_node(node);
  at::set_num_threads(choose_threads(spec.threads, available_cores(), threads_per_rank(cores, node.size())).count);
  inputs.move_model_to(job_device(spec, node.rank()));
}

RankContext set_up_rank(RankTeam& team, Job& job, StopRequest& stop, RunListener& listener) {
  RankTeam node = team.split_by_node();
  const int own_cores = available_cores();
  const int node_cores = cores_of_node(node);
  const auto all_cores = static_cast<std::int64_t>(::sysconf(_SC_NPROCESSORS_ONLN));
  const ThreadChoice threads = choose_threads(job.spec.threads, own_cores, threads_per_rank(node_cores, node.size()));
  const at::Device device = job_device(job.spec, node.rank(), job.stages());
  const int device_ranks = ranks_on(device, node);
  const double memory = available_memory(device) / device_ranks;
  job.inputs.move_model_to(device);
  const double packed_bytes = job.inputs.packed_bytes();
  const RankSetup setup{.device = device,
                        .gpu = describe_gpu(device),
                        .rank = team.rank(),
                        .threads = threads.count,
                        .threads_are_given = job.spec.threads > 0 || !threads.variable.empty(),
                        .training_memory = kTrialsShareOfMemory * std::max(0.0, memory - packed_bytes),
                        .device_ranks = device_ranks,
                        .node_ranks = node.size(),
                        .node_cores = node_cores};
  at::set_num_threads(setup.threads);
  if (device.is_cuda()) spdlog::info("{}, {}", setup.gpu.name, setup.gpu.software);
  spdlog::info("device {}, {} threads, node-local rank {} of {}, {} of {} cores usable", device.str(), setup.threads,
               node.rank(), node.size(), own_cores, all_cores);
  const bool has_idle_cores = device.is_cpu() && job.spec.threads == 0 && setup.threads * setup.node_ranks < all_cores;
  if (team.is_root() && has_idle_cores) note_idle_cores(setup, threads.variable, all_cores, listener);
  if (team.is_root()) note_packed_weights(packed_bytes, memory, listener);
  const bool is_for_training = job.spec.train.precision == Precision::kBfloat16;
  const bool is_for_fisher =
      job.stages() == Stages::kTrainingAndFisher && job.spec.fisher.precision == Precision::kBfloat16;
  if (is_for_training || is_for_fisher) choose_precision(team, job.inputs, listener);
  return {.job = job, .setup = setup, .stop = stop};
}

}  // namespace tunescope
