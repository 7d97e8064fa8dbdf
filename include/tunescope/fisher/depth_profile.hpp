#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "tunescope/model/bert.hpp"
#include "tunescope/model/gradient_sink.hpp"

namespace tunescope {

/// What is followed over depth. A block's branch is what attention or the feed-forward network adds to the block's
/// input, before LayerNorm.
enum class DepthQuantity : std::int64_t {
  kHidden,  ///< the hidden state that leaves a layer
  kAttentionBranch,
  kFeedForwardBranch,
  kHiddenGradient,  ///< ∂ log p(y|x) / ∂ of the same
  kAttentionBranchGradient,
  kFeedForwardBranchGradient
};
inline constexpr std::int64_t kDepthQuantities = 6;

/// Sums of squares over tokens and hidden units of activations and of gradients, at each depth of the model. Gradients
/// are heard on their way to another sink.
class DepthProfile final : public GradientSink {
 public:
  /// The references must outlive this.
  DepthProfile(const ParameterCatalogue& catalogue, GradientSink& next, at::Device device);

  /// A batch's forward pass, without dropout, with `LastLayer::kAllTokens`.
  void add(const Parameters& parameters, const BertActivations& activations);

  /// [kDepthQuantities, L + 1] float64: the embeddings, then the encoder layers. 0 where there is nothing, or no
  /// gradient was asked for so far down.
  const at::Tensor& sums() const { return sums_; }

  ParameterIndex first_needing_gradient() const override { return next_.first_needing_gradient(); }
  void linear(const LinearParameters& parameters, const at::Tensor& input, const at::Tensor& output_gradient) override;
  void layer_norm(const LayerNormParameters& parameters, const LayerNormActivations& activations,
                  const at::Tensor& output_gradient) override;
  void embedding(ParameterIndex table, const at::Tensor& ids, const at::Tensor& output_gradient) override;

 private:
  void add(DepthQuantity scale, std::size_t layer, const at::Tensor& rows);

  const ParameterCatalogue& catalogue_;
  GradientSink& next_;
  at::Tensor sums_;
};

}  // namespace tunescope
