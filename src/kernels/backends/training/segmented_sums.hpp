#pragma once

#include "../kernel.hpp"
#include "tunescope/kernels/training/segmented_sums.hpp"

namespace tunescope {

using GradientNorms = void(std::span<const at::Tensor> gradients, const at::Tensor& norms);
using ParameterChanges = void(std::span<const ChangedTensor> tensors, const at::Tensor& changes);

const Kernel<GradientNorms>& gradient_norms_kernel();
const Kernel<ParameterChanges>& parameter_changes_kernel();

/// A tensor is summed in chunks of so many numbers, and then the sums of its chunks are added one after another.
inline constexpr std::int64_t kSumChunk = 16384;

namespace cpu {
GradientNorms gradient_norms;
ParameterChanges parameter_changes;
}  // namespace cpu

namespace cuda {
// Null in a build without CUDA.
extern GradientNorms* const gradient_norms;
extern ParameterChanges* const parameter_changes;
}  // namespace cuda

namespace aten {
GradientNorms gradient_norms;
ParameterChanges parameter_changes;
}  // namespace aten

}  // namespace tunescope
