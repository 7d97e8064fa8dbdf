#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tunescope/parallel/rank_team.hpp"

namespace tunescope {

/// Sums tensors over all ranks of a job.
class Reducer {
 public:
  /// Local, and never waits for other ranks: it may run while an exception leaves this rank alone. What `close` has not
  /// given back stays with the process until it ends.
  virtual ~Reducer() = default;

  /// "mpi" or "nccl".
  virtual std::string_view name() const = 0;

  /// Replaces each tensor (contiguous; float32, float64 or int64; the same shapes on every rank) by its sum over all
  /// ranks, in pieces of bounded size. *Collective.* Throws `MpiError` or `NcclError`; an error of NCCL on one rank is
  /// one of all, and the last of this reducer.
  virtual void all_reduce_sum(const std::vector<at::Tensor>& tensors) = 0;

  /// Ends the use of the transport. *Collective*, for the normal end of a job's sums; not after an exception. Throws
  /// `NcclError` if a rank does not call it in time.
  virtual void close() = 0;
};

/// Which transport a job asks for; `kAuto` is NCCL if every rank has a GPU of its own and NCCL starts, else MPI.
enum class ReducerKind { kAuto, kMpi, kNccl };

/// Over MPI; tensors on a GPU go through host memory. `team` must outlive it.
std::unique_ptr<Reducer> make_mpi_reducer(RankTeam& team);

/// A transport, and what the user should know about its choice, the same on every rank.
struct ReducerChoice {
  std::unique_ptr<Reducer> reducer;
  std::string note = {};  ///< why it is not NCCL although it could have been; empty if there is nothing to say
};

/// The transport of that kind, for tensors on `device`. `team` must outlive it. On every rank it throws `DeviceError`
/// if NCCL is asked for and this binary has none or two ranks share a GPU, and `NcclError` if NCCL is asked for and
/// does not start. Under `kAuto` the sums then go over MPI.
ReducerChoice make_reducer(ReducerKind kind, RankTeam& team, at::Device device);

/// How fast a sum over ranks was, measured as the all-reduce test of nccl-tests does.
struct AllReduceSpeed {
  std::int64_t bytes = 0;  ///< of the tensors of one rank
  double seconds = 0.0;
  int ranks = 1;

  /// Bytes per second.
  double algorithm_bandwidth() const { return static_cast<double>(bytes) / seconds; }
  /// Bytes per second that each link has to carry at least, 2 (n - 1) / n times the above, whatever the number of
  /// ranks.
  double bus_bandwidth() const { return algorithm_bandwidth() * 2.0 * (ranks - 1) / ranks; }
  /// "3 MB over 4 ranks in 0.002 s: algorithm bandwidth 1.5 GB/s, bus bandwidth 2.25 GB/s".
  std::string text() const;
};

}  // namespace tunescope
