#pragma once

#include <ATen/core/Tensor.h>

namespace tunescope {

/// A new tensor on the host, without values, for numbers on their way to `device` or from there. For a GPU its memory
/// is pinned: copies with `non_blocking` do not wait. It can be released whatever has become of the GPU, while the
/// release of LibTorch's own pinned tensors throws if the GPU is broken, which ends the process in a destructor. Memory
/// that the GPU then still holds is lost until the process ends.
at::Tensor host_tensor(at::IntArrayRef sizes, at::ScalarType type, at::Device device);

}  // namespace tunescope
