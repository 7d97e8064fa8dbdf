#include "tunescope/parallel/reducer.hpp"

#include <algorithm>

#include "tunescope/base/error.hpp"
#include "tunescope/device/device.hpp"

namespace tunescope {
namespace {

// Whether every rank of the job has a GPU that no other rank uses.
bool each_rank_has_a_gpu(RankTeam& team, at::Device device) {
  std::vector<std::int64_t> devices = team.split_by_node().all_gather(pci_identity(device));
  std::sort(devices.begin(), devices.end());
  const bool is_good_here =
      devices.front() != kNoIdentity && std::adjacent_find(devices.begin(), devices.end()) == devices.end();
  return team.all_of(is_good_here);
}

}  // namespace

std::unique_ptr<Reducer> make_reducer(ReducerKind kind, RankTeam& team, at::Device device) {
  if (kind == ReducerKind::kMpi) return make_mpi_reducer(team);
  const bool fits_nccl = each_rank_has_a_gpu(team, device);
  if (kind == ReducerKind::kNccl && !fits_nccl) {
    throw DeviceError(
        "[run] reducer = nccl needs a GPU of its own for every rank and a binary with NCCL (compiled in: " +
        compiled_backends() +
        "); start as many ranks a node as it has GPUs, build with -DTUNESCOPE_CUDA=ON, or choose reducer = mpi");
  }
  return fits_nccl ? make_nccl_reducer(team, device) : make_mpi_reducer(team);
}

}  // namespace tunescope
