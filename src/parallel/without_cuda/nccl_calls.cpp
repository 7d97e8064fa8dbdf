#include "parallel/nccl_calls.hpp"

#include "tunescope/base/error.hpp"

namespace tunescope {

std::unique_ptr<NcclCalls> make_nccl_calls(at::Device) {
  throw DeviceError("this binary was built without NCCL; configure with -DTUNESCOPE_CUDA=ON, or choose reducer = mpi");
}

}  // namespace tunescope
