#include "parallel/nccl_calls.hpp"

#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>
#include <nccl.h>
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "tunescope/base/error.hpp"

namespace tunescope {
namespace {

static_assert(sizeof(ncclUniqueId) == sizeof(NcclId));

// NCCL's last error alone names a reason, such as a driver that is too old. It is a log line: its end is cut off.
std::string reason_of(ncclResult_t result, ncclComm_t communicator) {
  const char* const last = ncclGetLastError(communicator);
  std::string text = last == nullptr ? "" : last;
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  std::ranges::replace(text, '\n', ' ');
  return fmt::format("{}{}", ncclGetErrorString(result), text.empty() ? "" : " (" + text + ")");
}

NcclAnswer answer_of(ncclResult_t result, ncclComm_t communicator) {
  if (result == ncclSuccess) return {.state = NcclAnswer::kDone};
  if (result == ncclInProgress) return {.state = NcclAnswer::kInProgress};
  return {.state = NcclAnswer::kFailed, .reason = reason_of(result, communicator)};
}

class CudaNcclCalls final : public NcclCalls {
 public:
  explicit CudaNcclCalls(at::Device device) : device_(device) {}

  NcclAnswer make_id(NcclId& id) override {
    const c10::cuda::CUDAGuard guard(device_);
    ncclUniqueId made{};
    const NcclAnswer answer = answer_of(ncclGetUniqueId(&made), nullptr);
    std::memcpy(id.data(), &made, sizeof made);
    return answer;
  }

  NcclAnswer join(const NcclPlace& place, const NcclId& id) override {
    const c10::cuda::CUDAGuard guard(device_);
    ncclUniqueId shared;
    std::memcpy(&shared, id.data(), sizeof shared);
    ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
    config.blocking = 0;
    return answer_of(ncclCommInitRankConfig(&communicator_, place.ranks, shared, place.rank, &config), communicator_);
  }

  NcclAnswer asynchronous_state() override {
    ncclResult_t state = ncclSuccess;
    const ncclResult_t result = ncclCommGetAsyncError(communicator_, &state);
    return answer_of(result == ncclSuccess ? state : result, communicator_);
  }

  NcclAnswer all_reduce_sum(const at::Tensor& values) override {
    if (values.device() != device_) return failed("NCCL sums tensors on " + device_.str() + " only");
    const c10::cuda::CUDAGuard guard(device_);
    switch (values.scalar_type()) {
      case at::kFloat:
        return sum(values, ncclFloat32);
      case at::kDouble:
        return sum(values, ncclFloat64);
      case at::kLong:
        return sum(values, ncclInt64);
      default:
        return failed("only float32, float64 and int64 tensors can be summed over ranks");
    }
  }

  NcclAnswer stream_state() override {
    const c10::cuda::CUDAGuard guard(device_);
    const cudaError_t state = cudaStreamQuery(stream());
    if (state == cudaSuccess) return {.state = NcclAnswer::kDone};
    if (state == cudaErrorNotReady) return {.state = NcclAnswer::kInProgress};
    return failed(cudaGetErrorString(state));
  }

  NcclAnswer finalize() override {
    const c10::cuda::CUDAGuard guard(device_);
    return answer_of(ncclCommFinalize(communicator_), communicator_);
  }

  NcclAnswer destroy() override {
    const c10::cuda::CUDAGuard guard(device_);
    return answer_of(ncclCommDestroy(std::exchange(communicator_, nullptr)), nullptr);
  }

  NcclAnswer abort() override {
    if (communicator_ == nullptr) return {};  // it never came into being
    const c10::cuda::CUDAGuard guard(device_);
    return answer_of(ncclCommAbort(std::exchange(communicator_, nullptr)), nullptr);
  }

 private:
  static NcclAnswer failed(std::string reason) { return {.state = NcclAnswer::kFailed, .reason = std::move(reason)}; }

  c10::cuda::CUDAStream stream() const { return c10::cuda::getCurrentCUDAStream(device_.index()); }

  NcclAnswer sum(const at::Tensor& values, ncclDataType_t type) {
    return answer_of(ncclAllReduce(values.const_data_ptr(), values.mutable_data_ptr(),
                                   static_cast<std::size_t>(values.numel()), type, ncclSum, communicator_, stream()),
                     communicator_);
  }

  at::Device device_;
  ncclComm_t communicator_ = nullptr;
};

}  // namespace

std::unique_ptr<NcclCalls> make_nccl_calls(at::Device device) {
  if (!device.is_cuda()) throw DeviceError("NCCL needs a GPU; this rank computes on " + device.str());
  return std::make_unique<CudaNcclCalls>(device);
}

}  // namespace tunescope
