#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace tunescope {

/// Float32, on the CPU, drawn by the key.
at::Tensor normal_tensor(const std::vector<std::int64_t>& shape, double deviation, std::uint64_t key);
/// Likewise, from -bound to bound.
at::Tensor uniform_tensor(const std::vector<std::int64_t>& shape, double bound, std::uint64_t key);

}  // namespace tunescope
