#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string_view>
#include <vector>

#include "tunescope/model/pass.hpp"

namespace tunescope {

// The start of the backward pass for Fisher information: gradients of log p(y|x) with respect to the logits. The modes
// differ in which labels y they use (Kunstner et al. 2019, "Limitations of the empirical Fisher approximation for
// natural gradient descent"): the true Fisher information averages the squared gradient over the labels that the model
// itself predicts; it can be computed exactly, with one backward pass for each class, or estimated from one label drawn
// from the model, or from a random mixture of all labels' gradients (docs/fisher.md derives it); the empirical one uses
// the given label. A regression task's model is taken as a Gaussian with unit variance around the output.

/// Over which labels y the square of ∂ log p(y|x) / ∂θ is averaged.
enum class FisherMode {
  kEmpirical,  ///< "empirical": the given label
  kTrue,       ///< "true": the exact expectation over the labels that the model predicts
  kSampled,    ///< "sampled": one label drawn from the model
  kHutchinson  ///< "hutchinson": an unbiased estimate of the exact expectation from random signs
};

/// The name in job and result files.
std::string_view fisher_mode_name(FisherMode mode);
/// The mode of that name. Throws `ConfigError` listing the modes.
FisherMode parse_fisher_mode(std::string_view name);

/// Gradients of log p(y|x) with respect to the logits [B, outputs] of the only model of a pass, up to sign.
/// Back-propagate each entry of the list, square the parameter gradients and add them up: the sum is the expectation
/// over labels for this mode. For `kTrue` with classes, the list has one entry for each class, scaled by the square
/// root of the class's probability; for `kHutchinson` one for each of the `draws`, so scaled that the squares average;
/// else it has one entry. Labels and signs are drawn by `seed` and the index of the example in `batch`, which is the
/// pass's.
std::vector<at::Tensor> log_likelihood_gradients(FisherMode mode, const Pass& pass, const PackedBatch& batch,
                                                 std::uint64_t seed, std::int64_t draws);

}  // namespace tunescope
