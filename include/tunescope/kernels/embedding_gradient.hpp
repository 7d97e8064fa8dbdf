#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>

#include "tunescope/kernels/id_order.hpp"
#include "tunescope/kernels/linear.hpp"

namespace tunescope {

/// The gradient of the table of each model: row v is the sum of those rows of `output_gradient` [R, H] whose id is v,
/// and zero if there is none. Model k owns rows model_offsets[k] ... model_offsets[k+1]-1, `model_offsets` [K+1], and
/// has targets[k] [V, H]. The groups of the order, if there is one, are the models; without it the sums on a GPU are
/// ATen's, whose order varies from run to run.
void embedding_gradients(const at::Tensor& output_gradient, const EmbeddingIds& ids,
                         std::span<const std::int64_t> model_offsets, std::span<const GradientTarget> targets);

}  // namespace tunescope
