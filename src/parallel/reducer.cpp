#include "tunescope/parallel/reducer.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>

#include "parallel/nccl_reducer.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/device/device.hpp"

namespace tunescope {
namespace {

// Whether every rank of the job has a GPU that no other rank uses. NCCL compares host and PCI bus too, and refuses
// ranks that share a GPU, even if they have different slices of it.
bool each_rank_has_a_gpu(RankTeam& team, std::int64_t own) {
  std::vector<std::int64_t> gpus = team.split_by_node().all_gather(own);
  std::sort(gpus.begin(), gpus.end());
  const bool is_good_here = gpus.front() != kNoIdentity && std::adjacent_find(gpus.begin(), gpus.end()) == gpus.end();
  return team.all_of(is_good_here);
}

struct NcclStart {
  std::unique_ptr<Reducer> reducer;  // none if there is a problem
  std::string problem;               // the same on every rank
};

NcclStart start_nccl(RankTeam& team, std::unique_ptr<NcclCalls> calls) {
  NcclId id{};
  const std::string no_id = team.on_root([&] { return calls->make_id(id).reason; });
  if (!no_id.empty()) return {.reducer = nullptr, .problem = "ncclGetUniqueId failed: " + no_id};
  id = team.on_root([&] { return id; });
  auto reducer = std::make_unique<NcclReducer>(std::move(calls), std::make_unique<MpiFailureAgreement>(team));
  std::string problem = reducer->join({.rank = team.rank(), .ranks = team.size()}, id);
  if (!problem.empty()) return {.reducer = nullptr, .problem = std::move(problem)};
  return {.reducer = std::move(reducer), .problem = ""};
}

}  // namespace

ReducerChoice choose_reducer(ReducerKind kind, RankTeam& team, const NcclBackend& nccl) {
  if (kind == ReducerKind::kMpi) return {.reducer = make_mpi_reducer(team)};
  if (!each_rank_has_a_gpu(team, nccl.gpu)) {
    if (kind == ReducerKind::kAuto) return {.reducer = make_mpi_reducer(team)};
    throw DeviceError(
        "[run] reducer = nccl needs a GPU of its own for every rank and a binary with NCCL (compiled in: " +
        compiled_backends() +
        "); start as many ranks a node as it has GPUs, build with -DTUNESCOPE_CUDA=ON, or choose reducer = mpi");
  }
  NcclStart start = start_nccl(team, nccl.open());
  if (start.reducer) return {.reducer = std::move(start.reducer)};
  if (kind == ReducerKind::kNccl) {
    throw NcclError("[run] reducer = nccl, but NCCL does not start: " + start.problem +
                    "; NCCL_DEBUG=INFO tells more, and reducer = mpi does without");
  }
  return {.reducer = make_mpi_reducer(team),
          .note = "Fisher information is summed over MPI, for NCCL does not start: " + start.problem};
}

ReducerChoice make_reducer(ReducerKind kind, RankTeam& team, at::Device device) {
  return choose_reducer(kind, team, {.gpu = pci_identity(device), .open = [&] { return make_nccl_calls(device); }});
}

std::string AllReduceSpeed::text() const {
  return fmt::format("{:.4g} MB over {} {} in {:.3g} s: algorithm bandwidth {:.3g} GB/s, bus bandwidth {:.3g} GB/s",
                     static_cast<double>(bytes) / 1e6, ranks, ranks == 1 ? "rank" : "ranks", seconds,
                     algorithm_bandwidth() / 1e9, bus_bandwidth() / 1e9);
}

}  // namespace tunescope
