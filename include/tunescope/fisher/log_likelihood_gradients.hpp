#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string_view>
#include <vector>

#include "tunescope/data/packed_batch.hpp"

namespace tunescope {

/// Over which labels y the squared score (∂ log p(y|x) / ∂θ)² of an example is averaged. A regression task's model is
/// a Gaussian with unit variance around the output.
enum class FisherMode {
  kEmpirical,  ///< "empirical": the given label
  kTrue,       ///< "true": the exact expectation over the labels that the model predicts
  kSampled     ///< "sampled": one label drawn from the model
};

/// Name in job and result files.
std::string_view fisher_mode_name(FisherMode mode);
/// The mode of that name. Throws `ConfigError` listing the modes.
FisherMode parse_fisher_mode(std::string_view name);

/// Gradients of log p(y|x) with respect to `logits` [B, outputs], up to sign. Squares of what a backward pass makes of
/// them, summed over the list, are the mode's mean over labels: the list has one entry a class where the expectation is
/// exact (scaled by the root of the class's probability), else one. Labels are drawn by `seed` and the example's
/// number.
std::vector<at::Tensor> log_likelihood_gradients(FisherMode mode, const at::Tensor& logits, const PackedBatch& batch,
                                                 std::uint64_t seed);

}  // namespace tunescope
