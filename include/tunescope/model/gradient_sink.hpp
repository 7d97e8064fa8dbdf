#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "tunescope/kernels/layer_norm.hpp"
#include "tunescope/model/parameter_catalogue.hpp"

namespace tunescope {

/// The operands of the gradients of linear layers with the same input in one of their uses, y = x Wᵀ + b: dW = dyᵀ x,
/// db = column sums of dy, each over the rows of one model. A convolution is a linear layer too. If it has groups, its
/// weight has fewer numbers in a row than x: of the outputs each group reads one of as many groups of x's columns.
struct LinearFactors {
  at::Tensor input;            ///< x [R, in], as the layer's product read it; undefined if no model needs a dW
  at::Tensor output_gradient;  ///< dy of the layers, side by side [R, sum of their outputs]
  const RowLayout& rows;
  at::Tensor bfloat16_gradient = {};  ///< dy rounded, if products are in bfloat16, as x is then; else undefined
};

/// For y = w x̂ + b: dw = column sums of dy x̂, db = column sums of dy.
struct LayerNormFactors {
  LayerNormActivations activations;  ///< of R rows
  at::Tensor output_gradient;        ///< dy [R, H]
  const RowLayout& rows;
};

/// For y_r = table[ids_r]: dy_r is added to row ids_r of the table's gradient.
struct EmbeddingFactors {
  EmbeddingIds ids;            ///< of R rows; if they have an order, its groups are those of `GradientSink::group_of`
  at::Tensor output_gradient;  ///< dy [R, H]
  const RowLayout& rows;
};

/// As `LinearFactors`, for the layer that gives the logits. Its outputs differ from model to model.
struct HeadFactors {
  at::Tensor input;                              ///< x [B, H]
  std::span<const at::Tensor> output_gradients;  ///< for each model dy [its sequences, its outputs], or undefined
  const RowLayout& rows;
};

/// The uses of a tensor that one model has added (see `Additions`), with the rows of that model alone. Of a matrix,
/// y = x Aᵀ, as of a linear layer without bias; of a vector, y = l ⊙ x: dl = column sums of dy ⊙ x, or, if x is
/// undefined, a bias: column sums of dy.
struct AddedFactors {
  std::size_t model = 0;
  ParameterIndex tensor = 0;
  std::vector<LinearFactors> uses;
};

/// Receives the operands of every parameter gradient from the backward pass and decides what to compute from them.
///
/// Every parameter gradient is a reduction over rows: of a linear layer, dW = dyᵀ x sums the outer product of each
/// token's output gradient and input. What one needs of it differs: training needs the sum itself, Fisher information
/// the square of each example's part before it is summed. The backward pass therefore never computes a parameter
/// gradient. It computes dy, which the layer below needs anyway, and hands x and dy to the sink. Nothing is computed
/// for a frozen parameter, and a new use of gradients is a new sink, not a new backward pass.
///
/// A pass may use a parameter several times; its gradient is the sum over all uses. The sink is told once per backward
/// pass, with all of them, and with the rows of all models, so that a kernel can serve all.
class GradientSink {
 public:
  virtual ~GradientSink() = default;

  /// Whether the gradient of a parameter is needed for this model of the pass. The pass keeps and computes nothing for
  /// the others but the head's input, and nothing below the lowest of all. The functions below may still be called for
  /// layers of which only the other tensor, or only another model, needs one.
  virtual bool needs_gradient(std::size_t model, ParameterIndex parameter) const = 0;

  /// The number of the group of a sequence: what the gradient of an embedding table is computed for apart. `sequence`
  /// is counted over all models. By default each model is a group.
  virtual std::int64_t group_of(std::size_t model, std::size_t /*sequence*/) const {
    return static_cast<std::int64_t>(model);
  }

  virtual void on_linear(std::span<const LinearParameters> layers, std::span<const LinearFactors> uses) = 0;
  virtual void on_layer_norm(const LayerNormParameters& parameters, std::span<const LayerNormFactors> uses) = 0;
  virtual void on_embedding(ParameterIndex table, std::span<const EmbeddingFactors> uses) = 0;
  virtual void on_head(const LinearParameters& parameters, const HeadFactors& use) = 0;
  /// The tensors that models have added to the same layer.
  virtual void on_added(std::span<const AddedFactors> tensors) = 0;
};

}  // namespace tunescope
