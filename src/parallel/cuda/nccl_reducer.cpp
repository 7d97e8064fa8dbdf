#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>
#include <nccl.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>

#include "tunescope/base/error.hpp"
#include "tunescope/parallel/reducer.hpp"

namespace tunescope {
namespace {

constexpr std::int64_t kPieceElements = std::int64_t{1} << 26;
constexpr std::chrono::seconds kTimeout{600};
constexpr std::chrono::microseconds kPollInterval{200};

void check_nccl(ncclResult_t result, const char* call) {
  if (result == ncclSuccess || result == ncclInProgress) return;
  throw NcclError(std::string(call) + " failed: " + ncclGetErrorString(result) + "; NCCL_DEBUG=INFO tells more");
}

ncclDataType_t nccl_type(at::ScalarType type) {
  switch (type) {
    case at::kFloat:
      return ncclFloat32;
    case at::kDouble:
      return ncclFloat64;
    case at::kLong:
      return ncclInt64;
    default:
      throw NcclError("only float32, float64 and int64 tensors can be summed over ranks");
  }
}

// Rank 0's unique id, on every rank.
ncclUniqueId share_unique_id(RankTeam& team) {
  return team.on_root([] {
    ncclUniqueId id{};
    check_nccl(ncclGetUniqueId(&id), "ncclGetUniqueId");
    return id;
  });
}

// Owns a non-blocking communicator: every call returns at once and is then polled, so that a lost rank ends in an error
// here and not in a wait without end.
class NcclReducer final : public Reducer {
 public:
  NcclReducer(RankTeam& team, at::Device device) : device_(device) {
    const c10::cuda::CUDAGuard guard(device_);
    ncclUniqueId id = share_unique_id(team);
    ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
    config.blocking = 0;
    check_nccl(ncclCommInitRankConfig(&communicator_, team.size(), id, team.rank(), &config), "ncclCommInitRankConfig");
    try {
      wait_for_progress("ncclCommInitRankConfig");
    } catch (...) {
      ncclCommAbort(communicator_);
      throw;
    }
  }

  ~NcclReducer() override {
    if (is_aborted_) return;
    ncclCommFinalize(communicator_);
    ncclResult_t state = ncclInProgress;
    const auto end = std::chrono::steady_clock::now() + kTimeout;
    while (state == ncclInProgress && std::chrono::steady_clock::now() < end) {
      if (ncclCommGetAsyncError(communicator_, &state) != ncclSuccess) break;
      std::this_thread::sleep_for(kPollInterval);
    }
    if (state == ncclSuccess) {
      ncclCommDestroy(communicator_);
    } else {
      ncclCommAbort(communicator_);
    }
  }
  NcclReducer(const NcclReducer&) = delete;
  NcclReducer& operator=(const NcclReducer&) = delete;

  std::string_view name() const override { return "nccl"; }

  void all_reduce_sum(const at::Tensor& values) override {
    if (is_aborted_) throw NcclError("the NCCL communicator was aborted after an earlier error");
    if (values.device() != device_) throw NcclError("NCCL sums tensors on " + device_.str() + " only");
    const c10::cuda::CUDAGuard guard(device_);
    const c10::cuda::CUDAStream stream = c10::cuda::getCurrentCUDAStream(device_.index());
    const ncclDataType_t type = nccl_type(values.scalar_type());
    try {
      const at::Tensor flat = values.view(-1);
      for (std::int64_t first = 0; first < flat.numel(); first += kPieceElements) {
        const at::Tensor piece = flat.narrow(0, first, std::min(kPieceElements, flat.numel() - first));
        check_nccl(ncclAllReduce(piece.const_data_ptr(), piece.mutable_data_ptr(),
                                 static_cast<std::size_t>(piece.numel()), type, ncclSum, communicator_, stream),
                   "ncclAllReduce");
        wait_for_progress("ncclAllReduce");
      }
      wait_for_stream(stream);
    } catch (...) {
      ncclCommAbort(communicator_);
      is_aborted_ = true;
      throw;
    }
  }

 private:
  ncclResult_t asynchronous_state() const {
    ncclResult_t state = ncclSuccess;
    check_nccl(ncclCommGetAsyncError(communicator_, &state), "ncclCommGetAsyncError");
    return state;
  }

  void wait_for_progress(const char* call) const {
    const auto end = std::chrono::steady_clock::now() + kTimeout;
    for (;;) {
      const ncclResult_t state = asynchronous_state();
      if (state != ncclInProgress) return check_nccl(state, call);
      refuse_after(end, call);
      std::this_thread::sleep_for(kPollInterval);
    }
  }

  void wait_for_stream(const c10::cuda::CUDAStream& stream) const {
    const auto end = std::chrono::steady_clock::now() + kTimeout;
    for (;;) {
      check_nccl(asynchronous_state(), "ncclAllReduce");
      const cudaError_t state = cudaStreamQuery(stream);
      if (state == cudaSuccess) return;
      if (state != cudaErrorNotReady) C10_CUDA_CHECK(state);
      refuse_after(end, "ncclAllReduce");
      std::this_thread::sleep_for(kPollInterval);
    }
  }

  static void refuse_after(std::chrono::steady_clock::time_point end, const char* call) {
    if (std::chrono::steady_clock::now() < end) return;
    throw NcclError(std::string(call) + ": no answer from the other ranks within " + std::to_string(kTimeout.count()) +
                    " s; one of them has ended or hangs");
  }

  at::Device device_;
  ncclComm_t communicator_ = nullptr;
  bool is_aborted_ = false;
};

}  // namespace

std::unique_ptr<Reducer> make_nccl_reducer(RankTeam& team, at::Device device) {
  if (!device.is_cuda()) throw DeviceError("NCCL needs a GPU; this rank computes on " + device.str());
  return std::make_unique<NcclReducer>(team, device);
}

}  // namespace tunescope
