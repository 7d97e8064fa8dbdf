#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "tunescope/model/bert/bert.hpp"
#include "tunescope/model/gradient_sink.hpp"

namespace tunescope {

/// The quantities whose size is recorded at each depth of the model. The branch of a block is what attention or the
/// feed-forward network adds to the input of the block, before LayerNorm.
enum class DepthQuantity : std::int64_t {
  kHidden,  ///< the hidden state at the output of a layer
  kAttentionBranch,
  kFeedForwardBranch,
  kHiddenGradient,  ///< ∂ log p(y|x) / ∂ hidden state; likewise for the branches
  kAttentionBranchGradient,
  kFeedForwardBranchGradient
};
inline constexpr std::int64_t kDepthQuantities = 6;

/// Sums of squares of activations and of gradients, over tokens and hidden units, at each depth of the model. They show
/// how signals and gradients grow or shrink with depth, for comparison with the Fisher information of the layers.
/// Activations are read from a forward pass. Gradients are recorded by a decorator around the sink that computes the
/// Fisher information: it adds up the squares of each output gradient that passes through and forwards everything to
/// `next`, so the profile costs no extra backward pass.
class DepthProfile final : public GradientSink {
 public:
  /// `catalogue` and `next` must outlive the object.
  DepthProfile(const ParameterCatalogue& catalogue, GradientSink& next, at::Device device);

  /// Adds the activations of one batch. Its forward pass must have been without dropout and with
  /// `LastLayer::kAllTokens`.
  void add(const Parameters& parameters, const BertActivations& activations);

  /// [kDepthQuantities, L + 1] float64: the embeddings, then the encoder layers. An entry is 0 if there is no such
  /// quantity, or if the backward pass ended above it because no parameter there needs a gradient.
  const at::Tensor& sums() const { return sums_; }

  ParameterIndex first_needing_gradient() const override { return next_.first_needing_gradient(); }
  void on_linear(const LinearParameters& parameters, const at::Tensor& input,
                 const at::Tensor& output_gradient) override;
  void on_layer_norm(const LayerNormParameters& parameters, const LayerNormActivations& activations,
                     const at::Tensor& output_gradient) override;
  void on_embedding(ParameterIndex table, const at::Tensor& ids, const at::Tensor& output_gradient) override;

 private:
  void add(DepthQuantity quantity, std::size_t layer, const at::Tensor& rows);

  const ParameterCatalogue& catalogue_;
  GradientSink& next_;
  at::Tensor sums_;
};

}  // namespace tunescope
