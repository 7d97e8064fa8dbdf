#pragma once

#include <optional>
#include <span>
#include <vector>

#include "model/operations/added/low_rank.hpp"
#include "model/pass/recording.hpp"

namespace tunescope {

/// One use of linear layers with one input, their outputs side by side: the products, what the models add to them (see
/// `Additions`), and the way back. Operations own one.
class LinearUse {
 public:
  /// Counts the use.
  LinearUse(Recording& pass, std::span<const LinearParameters> layers, const Value& input);

  /// Whether any gradient is needed: of the layers, of what is added to them, or of the input.
  bool is_needed() const { return is_needed_; }

  /// x Wᵀ + b [R, sum of the layers' outputs], or x Wᵀ for kernels that add the bias themselves, with all that is added
  /// to the weights. One of them is called, once: from then on, only what gradients need of the input is kept. The
  /// vectors for outputs are left to the operation. The second throws `Error` if there are any.
  at::Tensor outputs();
  at::Tensor outputs_without_bias();

  /// Whether `backward` multiplies the gradient of the outputs with anything.
  bool multiplies_gradient() const { return slot_ || factor_.defined() || low_rank_.needs_gradients(); }
  /// Tells the sink, and adds the gradient of the input. In bfloat16 `output_gradient` has what products read.
  void backward(const TypedResult& output_gradient, Gradients& gradients) const;

 private:
  Recording& pass_;
  const RowLayout* rows_;
  std::vector<LinearParameters> layers_;
  std::optional<GradientSlot> slot_;  // of the input
  LowRankTerms low_rank_;
  bool is_needed_;
  at::Tensor input_;   // what products read; undefined once the outputs are computed
  at::Tensor factor_;  // the same, if the gradient of a matrix is needed
};

}  // namespace tunescope
