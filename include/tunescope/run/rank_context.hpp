#pragma once

#include "tunescope/device/gpu.hpp"
#include "tunescope/run/job.hpp"
#include "tunescope/schedule/stop.hpp"

namespace tunescope {

/// How a rank computes, and what it shares its node with.
struct RankSetup {
  at::Device device = at::kCPU;
  GpuDescription gpu = {};
  int rank = 0;
  int threads = 1;
  bool threads_are_given = false;  ///< by the job or the environment, not from the number of cores
  double training_memory = 0.0;    ///< bytes that this rank's trials may use together
  int device_ranks = 1;            ///< of the node, that use the same device: on the CPU, all of them
  int node_ranks = 1;
  int node_cores = 1;  ///< that the node's ranks may use
};

/// What a rank works with on its own.
struct RankContext {
  Job& job;
  RankSetup setup;
  StopRequest& stop;
};

/// How many cores any rank of the node may use: a launcher may bind each rank to cores of its own, or a batch system
/// all of them to the same part of the node.
int cores_of_node(RankTeam& node);

/// Gives this rank its device and threads, moves the job's model there and chooses the precision of its products:
/// bfloat16 only if that is faster on all ranks, for a trial must not depend on the rank that it falls to. Throws
/// `DeviceError` if there is no device for the job's precision.
RankContext set_up_rank(RankTeam& team, Job& job, StopRequest& stop, RunListener& listener);

/// Gives this rank its device and threads for passes in float32 alone, and moves the model there. Throws `DeviceError`
/// as `set_up_rank`.
void set_up_evaluation(RankTeam& team, const SweepSpec& spec, SweepInputs& inputs);

}  // namespace tunescope
