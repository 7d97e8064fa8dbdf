#include <ATen/ops/empty.h>
#include <ATen/ops/index.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <functional>
#include <utility>

#include "model/operations/added/bottleneck.hpp"
#include "model/operations/linear_use.hpp"
#include "model/operations/operations.hpp"

namespace tunescope {
namespace {

LayerNormWeights weights_of(const ModelParameters& parameters, const Norm& norm) {
  return {parameters.of_each(norm.parameters.weight), parameters.of_each(norm.parameters.bias), norm.epsilon};
}

// For the squares of each row, if anybody wants to see them.
at::Tensor place_for_squares(const DepthObserver* observer, const at::Tensor& rows) {
  return observer == nullptr ? at::Tensor() : at::empty({rows.size(0)}, rows.options());
}

// What goes on as the hidden state, and is shown to observers as such.
enum class HiddenState { kOutput, kSum };

// Of the two values that an operation has recorded.
Normalized normalized(std::vector<Value> recorded) { return {std::move(recorded[0]), std::move(recorded[1])}; }

Normalized embed(Recording& pass, const Norm& norm, const Dropout& dropout, HiddenState hidden) {
  const RowLayout& rows = pass.tokens();
  const bool sum_is_hidden = hidden == HiddenState::kSum;
  DepthObserver* const observer = sum_is_hidden ? pass.options().observer : nullptr;
  std::vector<EmbeddingLookup> lookups;
  bool needs_table = false;
  for (std::size_t i = 0; i < pass.tables().size(); ++i) {
    lookups.push_back({pass.parameters().of_each(pass.tables()[i]), pass.layout().ids()[i].of_rows});
    needs_table = pass.use(pass.tables()[i]) || needs_table;
  }
  const bool needs_norm = pass.use(norm.parameters);
  LayerNormActivations saved;
  const std::int64_t width = pass.parameters().first(norm.parameters.weight).numel();
  const LayerNormExtras extras{
      .bfloat16 = pass.place_for_rounded(rows.row_count(), width), .output_squares = {}, .branch_squares = {}};
  const EmbeddingDropout places{.of_sum = sum_is_hidden ? dropout : Dropout(),
                                .of_output = sum_is_hidden ? Dropout() : dropout};
  at::Tensor output = embedding_layer_norm(lookups, weights_of(pass.parameters(), norm), rows, places, saved, extras);
  if (observer != nullptr) observer->on_activation(DepthPoint::kHidden, 0, saved.input.square().sum(1));
  return normalized(pass.record(
      {{std::move(output), extras.bfloat16}, {.own = saved.input}}, rows, needs_table || needs_norm,
      [&pass, &rows, observer, norm, places, saved, needs_table](std::span<const TypedResult> outputs, Gradients&) {
        const at::Tensor& gradient = outputs[0].own;
        apply_dropout_(gradient, rows, places.of_output);
        pass.on_layer_norm(rows, norm.parameters, saved, gradient);
        if (!needs_table) return;
        const auto& [of_sum, of_rows] = residual_layer_norm_backward(
            {gradient, outputs[1].own}, pass.parameters().of_each(norm.parameters.weight), rows, places.of_sum, saved);
        if (observer != nullptr) observer->on_gradient(DepthPoint::kHidden, 0, of_sum.square().sum(1));
        for (std::size_t i = 0; i < pass.tables().size(); ++i) {
          pass.on_embedding(rows, pass.tables()[i], pass.layout().ids()[i], of_rows);
        }
      }));
}

// What is added to the residual, but for what the kernel of LayerNorm does on its way: bias and dropout.
struct Branch {
  const RowLayout& rows;
  at::Tensor values;  // its own: the kernel makes the sum of it
  PerModelTensors bias;
  Dropout dropout = {};
  bool is_needed = false;            // whether its gradient is
  bool multiplies_gradient = false;  // whether `backward` does
  std::function<void(const TypedResult& gradient, Gradients& gradients)> backward = {};
};

// The last linear layer of a block.
Branch layer_branch(Recording& pass, const BlockEnd& end, const Value& input) {
  LinearUse layer(pass, {&end.layer, 1}, input);
  Branch branch{.rows = *input.rows,
                .values = layer.outputs_without_bias(),
                .bias = pass.parameters().of_each(end.layer.bias),
                .dropout = end.dropout,
                .is_needed = layer.is_needed(),
                .multiplies_gradient = layer.multiplies_gradient()};
  branch.backward = [layer = std::move(layer)](const TypedResult& gradient, Gradients& gradients) {
    layer.backward(gradient, gradients);
  };
  return branch;
}

// The residual has the same gradient, in the same tensor.
Branch value_branch(const Value& value) {
  const at::Tensor no_bias = at::zeros({value.tensor.size(1)}, value.tensor.options());
  return {.rows = *value.rows,
          .values = value.tensor.clone(),
          .bias = PerModelTensors(value.rows->model_count(), no_bias),
          .is_needed = value.slot.has_value(),
          .backward = [slot = value.slot](const TypedResult& gradient, Gradients& gradients) {
            if (slot) gradients.add(*slot, gradient.own.clone());
          }};
}

// The same in steps of their own, with what models add behind it.
Branch branch_with_bottlenecks(Recording& pass, const BlockEnd& end, const Value& input, const Value& residual,
                               HiddenState hidden) {
  const Value branch = dropout(pass, linear(pass, end.layer, input), end.dropout);
  const auto add_residual = [&] {
    return hidden == HiddenState::kSum ? add(pass, branch, residual) : sum_norm(pass, end.norm, branch, residual);
  };
  return value_branch(add_bottlenecks(pass, end.layer, branch, add_residual));
}

// Who sees what of a sum; null: nobody.
struct SumObservers {
  DepthObserver* of_branch = nullptr;
  DepthObserver* of_output = nullptr;  // of LayerNorm
  DepthObserver* of_sum = nullptr;
  DepthPoint branch = DepthPoint::kAttentionBranch;
  std::size_t depth = 0;
};

// What leaves a feed-forward block is the hidden state of its layer.
SumObservers observers_of(const Recording& pass, const BlockEnd& end, HiddenState hidden) {
  DepthObserver* const observer = pass.options().observer;
  DepthObserver* const of_hidden =
      end.branch == DepthPoint::kFeedForwardBranch && end.leaves_layer ? observer : nullptr;
  return {.of_branch = observer,
          .of_output = hidden == HiddenState::kOutput ? of_hidden : nullptr,
          .of_sum = hidden == HiddenState::kSum ? of_hidden : nullptr,
          .branch = end.branch,
          .depth = end.depth};
}

// The kernels of LayerNorm see the rows anyway, and compute the squares for observers.
Normalized normalize_sum(Recording& pass, const Norm& norm, Branch branch, const Value& residual,
                         const SumObservers& observers) {
  const RowLayout& rows = branch.rows;
  const auto& [of_branch, of_output, of_sum, point, depth] = observers;
  const bool needs_norm = pass.use(norm.parameters);
  LayerNormActivations saved{.input = branch.values, .mean = {}, .rstd = {}};
  const LayerNormExtras extras{.bfloat16 = pass.place_for_rounded(saved.input.size(0), saved.input.size(1)),
                               .output_squares = place_for_squares(of_output, saved.input),
                               .branch_squares = place_for_squares(of_branch, saved.input)};
  at::Tensor output = residual_layer_norm({branch.bias, residual.tensor}, weights_of(pass.parameters(), norm), rows,
                                          branch.dropout, saved, extras);
  if (of_branch != nullptr) of_branch->on_activation(point, depth, extras.branch_squares);
  if (of_output != nullptr) of_output->on_activation(DepthPoint::kHidden, depth, extras.output_squares);
  if (of_sum != nullptr) of_sum->on_activation(DepthPoint::kHidden, depth, saved.input.square().sum(1));
  const bool is_shown = needs_norm && of_sum != nullptr;
  const bool needs_sum = branch.is_needed || residual.slot || is_shown;
  return normalized(pass.record(
      {{std::move(output), extras.bfloat16}, {.own = saved.input}}, rows, needs_sum || needs_norm,
      [&pass, &rows, parameters = norm.parameters, observers, saved, needs_sum, dropout = branch.dropout,
       multiplies_gradient = branch.multiplies_gradient, backward = std::move(branch.backward),
       residual = residual.slot](std::span<const TypedResult> outputs, Gradients& gradients) {
        const auto& [of_branch, of_output, of_sum, point, depth] = observers;
        const at::Tensor& gradient = outputs[0].own;
        pass.on_layer_norm(rows, parameters, saved, gradient);
        if (!needs_sum) {
          if (of_output != nullptr) of_output->on_gradient(DepthPoint::kHidden, depth, gradient.square().sum(1));
          return;
        }
        const ResidualGradientExtras extras{
            .branch_bfloat16 =
                multiplies_gradient ? pass.place_for_rounded(gradient.size(0), gradient.size(1)) : at::Tensor(),
            .output_squares = place_for_squares(of_output, gradient),
            .residual_squares = place_for_squares(of_branch, gradient)};
        const ResidualGradients of_terms = residual_layer_norm_backward(
            {gradient, outputs[1].own}, pass.parameters().of_each(parameters.weight), rows, dropout, saved, extras);
        if (of_output != nullptr) of_output->on_gradient(DepthPoint::kHidden, depth, extras.output_squares);
        if (of_sum != nullptr) of_sum->on_gradient(DepthPoint::kHidden, depth, extras.residual_squares);
        // As of the other term of the sum.
        if (of_branch != nullptr) of_branch->on_gradient(point, depth, extras.residual_squares);
        backward({of_terms.branch, extras.branch_bfloat16}, gradients);
        if (residual) gradients.add(*residual, of_terms.residual);
      }));
}

Normalized end_block(Recording& pass, const BlockEnd& end, const Value& input, const Value& residual,
                     HiddenState hidden) {
  Branch branch = has_bottlenecks(pass, end.layer) ? branch_with_bottlenecks(pass, end, input, residual, hidden)
                                                   : layer_branch(pass, end, input);
  return normalize_sum(pass, end.norm, std::move(branch), residual, observers_of(pass, end, hidden));
}

}  // namespace

Value embedding(Recording& pass, const Norm& norm, const Dropout& dropout) {
  return embed(pass, norm, dropout, HiddenState::kOutput).output;
}

Normalized embedding_with_sum(Recording& pass, const Norm& norm, const Dropout& dropout) {
  return embed(pass, norm, dropout, HiddenState::kSum);
}

Value end_of_block(Recording& pass, const BlockEnd& end, const Value& input, const Value& residual) {
  return end_block(pass, end, input, residual, HiddenState::kOutput).output;
}

Normalized end_of_block_with_sum(Recording& pass, const BlockEnd& end, const Value& input, const Value& residual) {
  return end_block(pass, end, input, residual, HiddenState::kSum);
}

Value sum_norm(Recording& pass, const Norm& norm, const Value& branch, const std::optional<Value>& residual) {
  const Value nothing{.tensor = at::zeros_like(branch.tensor), .rows = branch.rows};
  return normalize_sum(pass, norm, value_branch(branch), residual.value_or(nothing), {}).output;
}

Value add(Recording& pass, const Value& a, const Value& b) {
  return pass.record(a.tensor.add(b.tensor), *a.rows, a.slot || b.slot,
                     [of_a = a.slot, of_b = b.slot](std::span<const TypedResult> outputs, Gradients& gradients) {
                       const at::Tensor& gradient = outputs.front().own;
                       if (of_a) gradients.add(*of_a, of_b ? gradient.clone() : gradient);
                       if (of_b) gradients.add(*of_b, gradient);
                     });
}

Value pooled_tokens(Recording& pass, const Value& input) {
  if (input.rows == &pass.sequences()) return input;
  const at::Tensor tokens = pass.layout().pooled_tokens();
  return pass.record(at::index(input.tensor, {tokens}), pass.sequences(), input.slot.has_value(),
                     [&pass, tokens, slot = input.slot](std::span<const TypedResult> outputs, Gradients& gradients) {
                       const at::Tensor& rows = outputs.front().own;
                       at::Tensor& all = gradients[*slot];
                       if (!all.defined()) all = at::zeros({pass.tokens().row_count(), rows.size(1)}, rows.options());
                       all.index_add_(0, tokens, rows);
                     });
}

Value observe_hidden(Recording& pass, const Value& hidden, std::size_t layer) {
  DepthObserver* const observer = pass.options().observer;
  if (observer == nullptr) return hidden;
  observer->on_activation(DepthPoint::kHidden, layer, hidden.tensor.square().sum(1));
  return pass.record(TypedResult{hidden.tensor, hidden.bfloat16}, *hidden.rows, hidden.slot.has_value(),
                     [observer, layer, slot = hidden.slot](std::span<const TypedResult> outputs, Gradients& gradients) {
                       observer->on_gradient(DepthPoint::kHidden, layer, outputs.front().own.square().sum(1));
                       gradients.add(*slot, outputs.front().own);
                     });
}

}  // namespace tunescope
