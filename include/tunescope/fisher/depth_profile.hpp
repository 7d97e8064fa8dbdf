#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "tunescope/model/depth_observer.hpp"
#include "tunescope/model/parameter_catalogue.hpp"

namespace tunescope {

/// The quantities whose size is recorded at each depth of the model, in the order of `DepthPoint`.
enum class DepthQuantity : std::int64_t {
  kHidden,
  kAttentionBranch,
  kFeedForwardBranch,
  kHiddenGradient,  ///< ∂ log p(y|x) / ∂ hidden state; likewise for the branches
  kAttentionBranchGradient,
  kFeedForwardBranchGradient
};
inline constexpr std::int64_t kDepthQuantities = 6;

/// Sums of squares of activations and of gradients, over tokens and hidden units, at each depth of the model. They show
/// how signals and gradients grow or shrink with depth, for comparison with the Fisher information of the layers. The
/// passes that it observes must be without dropout and with `LastLayer::kAllTokens`.
class DepthProfile final : public DepthObserver {
 public:
  DepthProfile(const ParameterCatalogue& catalogue, at::Device device);

  /// [kDepthQuantities, L + 1] float64: the embeddings, then the encoder layers. An entry is 0 if there is no such
  /// quantity, or if the backward pass ended above it because no parameter there needs a gradient.
  const at::Tensor& sums() const { return sums_; }

  void on_activation(DepthPoint point, std::size_t layer, const at::Tensor& squares) override;
  void on_gradient(DepthPoint point, std::size_t layer, const at::Tensor& squares) override;
  /// Adds what it has been shown to the sums. To be called after each backward pass.
  void add_up();

 private:
  void keep(DepthQuantity quantity, std::size_t layer, const at::Tensor& squares);

  at::Tensor sums_;
  std::vector<std::int64_t> places_;  // in the sums, of each of
  std::vector<at::Tensor> shown_;     // since they were added up last
};

}  // namespace tunescope
