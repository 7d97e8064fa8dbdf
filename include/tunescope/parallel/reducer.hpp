#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <string_view>

#include "tunescope/parallel/rank_team.hpp"

namespace tunescope {

/// Sums tensors over all ranks of a job.
class Reducer {
 public:
  virtual ~Reducer() = default;

  /// "mpi" or "nccl".
  virtual std::string_view name() const = 0;

  /// Replaces `values` (contiguous; float32, float64 or int64; the same shape on every rank) by its sum over all ranks,
  /// in pieces of bounded size. *Collective.* Throws `MpiError` or `NcclError`.
  virtual void all_reduce_sum(const at::Tensor& values) = 0;
};

/// Which transport a job asks for; `kAuto` is NCCL if every rank has a GPU of its own, else MPI.
enum class ReducerKind { kAuto, kMpi, kNccl };

/// Over MPI; tensors on a GPU go through host memory. `team` must outlive it.
std::unique_ptr<Reducer> make_mpi_reducer(RankTeam& team);

/// Over NCCL, for tensors on `device`, which no other rank may use. Throws `NcclError` if the ranks do not find each
/// other in time, `DeviceError` if this binary has no NCCL or `device` is no GPU.
std::unique_ptr<Reducer> make_nccl_reducer(RankTeam& team, at::Device device);

/// The transport of that kind. Throws as the two above, and `DeviceError` on every rank if NCCL is asked for and two
/// ranks share a GPU.
std::unique_ptr<Reducer> make_reducer(ReducerKind kind, RankTeam& team, at::Device device);

}  // namespace tunescope
