#pragma once

#include "kernel.hpp"
#include "tunescope/kernels/embedding_gradient.hpp"

namespace tunescope {

using EmbeddingGradients = void(const at::Tensor& output_gradient, const EmbeddingIds& ids,
                                std::span<const std::int64_t> model_offsets, std::span<const GradientTarget> targets);

const Kernel<EmbeddingGradients>& embedding_gradients_kernel();

namespace cuda {
// In the order of the ids, which must have been made; float32 only. Null in a build without CUDA.
extern EmbeddingGradients* const embedding_gradients;
}  // namespace cuda

namespace aten {
// Row by row; needs no order.
EmbeddingGradients embedding_gradients;
}  // namespace aten

}  // namespace tunescope
