#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <memory>
#include <string>

namespace tunescope {

/// What NCCL, or the GPU's stream, answers to a call.
struct NcclAnswer {
  enum State { kDone, kInProgress, kFailed };
  State state = kDone;
  std::string reason = {};  ///< if it failed: the error's text and what NCCL says of its last error
};

/// As many bytes as `ncclUniqueId` has.
using NcclId = std::array<char, 128>;

/// Where a rank is in the communicator that it joins.
struct NcclPlace {
  int rank = 0;
  int ranks = 1;
};

/// The calls of NCCL that `NcclReducer` makes, for one non-blocking communicator on one GPU. No call throws or waits,
/// except that `destroy` and `abort` may wait until every rank of the node has made them. What is in progress is asked
/// for with `asynchronous_state`. The destructor makes no call.
class NcclCalls {
 public:
  virtual ~NcclCalls() = default;

  virtual NcclAnswer make_id(NcclId& id) = 0;                             ///< ncclGetUniqueId
  virtual NcclAnswer join(const NcclPlace& place, const NcclId& id) = 0;  ///< ncclCommInitRankConfig
  virtual NcclAnswer asynchronous_state() = 0;                            ///< ncclCommGetAsyncError
  virtual NcclAnswer all_reduce_sum(const at::Tensor& values) = 0;        ///< ncclAllReduce in place, on the stream
  virtual NcclAnswer stream_state() = 0;                                  ///< cudaStreamQuery
  virtual NcclAnswer finalize() = 0;                                      ///< ncclCommFinalize
  virtual NcclAnswer destroy() = 0;                                       ///< ncclCommDestroy
  virtual NcclAnswer abort() = 0;                                         ///< ncclCommAbort
};

/// The real NCCL on this GPU. Throws `DeviceError` if this binary has no NCCL or `device` is no GPU.
std::unique_ptr<NcclCalls> make_nccl_calls(at::Device device);

}  // namespace tunescope
