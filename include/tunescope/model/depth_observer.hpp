#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>

namespace tunescope {

/// A tensor whose size tells how signals change over the depth of a network. The branch of a block is what attention or
/// the feed-forward network adds to the input of the block, before LayerNorm.
enum class DepthPoint { kHidden, kAttentionBranch, kFeedForwardBranch };

/// Is shown the sizes of such tensors, and of their gradients, while a pass computes them. Layer 0 stands for the
/// embeddings, layer l for the l-th layer of the encoder.
class DepthObserver {
 public:
  virtual ~DepthObserver() = default;

  /// `squares` [R]: the sum of the squares of each row, in the forward pass. The observer may keep the tensor.
  virtual void on_activation(DepthPoint point, std::size_t layer, const at::Tensor& squares) = 0;
  /// The same of ∂ loss / ∂ rows; not called where the backward pass has no gradient.
  virtual void on_gradient(DepthPoint point, std::size_t layer, const at::Tensor& squares) = 0;
};

}  // namespace tunescope
