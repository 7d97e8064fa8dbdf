#include "tunescope/kernels/linear.hpp"

#include <ATen/ops/tanh.h>
#include <ATen/ops/tanh_backward.h>

#include "model/operations/added/rescale.hpp"
#include "model/operations/linear_use.hpp"
#include "model/operations/operations.hpp"

namespace tunescope {
namespace {

ResultTypes types_of_result(const Recording& pass, Readers readers) {
  if (!pass.parameters().multiply_in_bfloat16()) return ResultTypes::kOwn;
  return readers == Readers::kProducts ? ResultTypes::kBfloat16 : ResultTypes::kBoth;
}

}  // namespace

Value linear(Recording& pass, std::span<const LinearParameters> layers, const Value& input) {
  LinearUse use(pass, layers, input);
  const at::Tensor output = use.outputs();
  const bool is_needed = use.is_needed();
  const Value value = pass.record(
      output, *input.rows, is_needed,
      [&pass, use = std::move(use)](std::span<const TypedResult> outputs, Gradients& gradients) {
        use.backward(use.multiplies_gradient() ? pass.rounded(outputs.front()) : outputs.front(), gradients);
      });
  return rescaled_outputs(pass, layers, value);
}

Value linear_activation(Recording& pass, const LinearParameters& layer, Activation activation, const Value& input,
                        Readers readers) {
  LinearUse use(pass, {&layer, 1}, input);
  const at::Tensor values = use.outputs_without_bias();
  const bool is_needed = use.is_needed();
  TypedResult output = bias_activation(activation, values, pass.parameters().of_each(layer.bias), *input.rows,
                                       types_of_result(pass, readers));
  return pass.record(std::move(output), *input.rows, is_needed,
                     [&pass, layer, activation, values, use = std::move(use)](std::span<const TypedResult> outputs,
                                                                              Gradients& gradients) {
                       const Readers readers = pass.needs(layer) ? Readers::kProductsAndOthers : Readers::kProducts;
                       const at::Tensor& gradient = outputs.front().own;
                       use.backward(activation_backward(activation, values, gradient, types_of_result(pass, readers)),
                                    gradients);
                     });
}

Value tanh(Recording& pass, const Value& input) {
  const at::Tensor output = at::tanh(input.tensor);
  return pass.record(output, *input.rows, input.slot.has_value(),
                     [output, slot = input.slot](std::span<const TypedResult> outputs, Gradients& gradients) {
                       gradients.add(*slot, at::tanh_backward(outputs.front().own, output));
                     });
}

Value dropout(Recording& pass, const Value& input, const Dropout& dropout) {
  if (dropout.probability == 0.0) return input;
  const RowLayout& rows = *input.rows;
  const auto apply_ = [&rows, dropout](const at::Tensor& values) { apply_dropout_(values, rows, dropout); };
  const at::Tensor output = input.tensor.clone();
  apply_(output);
  return pass.record(output, rows, input.slot.has_value(),
                     [apply_, slot = input.slot](std::span<const TypedResult> outputs, Gradients& gradients) {
                       apply_(outputs.front().own);
                       gradients.add(*slot, outputs.front().own);
                     });
}

std::vector<Value> head(Recording& pass, const LinearParameters& layer, const Value& input) {
  const RowLayout& rows = *input.rows;
  const PerModelTensors weight = pass.parameters().of_each(layer.weight);
  for (std::size_t model = 0; model < rows.model_count(); ++model) {
    pass.count_forward(rows.of_model(input.tensor, model).size(0), weight[model].numel());
  }
  std::vector<TypedResult> logits;
  for (at::Tensor& own : head_logits(input.tensor, weight, pass.parameters().of_each(layer.bias), rows)) {
    logits.push_back({.own = std::move(own)});
  }
  return pass.record(std::move(logits), rows, input.slot || pass.needs(layer),
                     [&pass, &rows, layer, weight, tensor = input.tensor, slot = input.slot](
                         std::span<const TypedResult> outputs, Gradients& gradients) {
                       std::vector<at::Tensor> of_logits;
                       for (const TypedResult& output : outputs) of_logits.push_back(output.own);
                       pass.on_head(rows, layer, tensor, of_logits);
                       if (!slot) return;
                       for (std::size_t model = 0; model < rows.model_count(); ++model) {
                         if (!of_logits[model].defined()) continue;
                         pass.count_backward(of_logits[model].size(0), weight[model].numel());
                       }
                       gradients.add(*slot, head_input_gradient(of_logits, weight, rows));
                     });
}

}  // namespace tunescope
