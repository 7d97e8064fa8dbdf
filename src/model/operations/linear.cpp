#include "tunescope/kernels/linear.hpp"

#include <ATen/ops/tanh.h>
#include <ATen/ops/tanh_backward.h>

#include "model/operations/linear_products.hpp"
#include "model/operations/operations.hpp"

namespace tunescope {

Value linear(Recording& pass, std::span<const LinearParameters> layers, const Value& input) {
  const RowLayout& rows = *input.rows;
  const bool is_needed = pass.use(layers) || input.slot;
  return pass.record(
      apply_linear(pass, rows, layers, input.tensor), rows, is_needed,
      [&pass, &rows, layers = std::vector(layers.begin(), layers.end()), factor = pass.factor(layers, input.tensor),
       slot = input.slot](std::span<const at::Tensor> outputs, Gradients& gradients) {
        pass.on_linear(rows, layers, factor, outputs.front());
        if (slot) add_input_gradient(pass, rows, layers, outputs.front(), gradients[*slot]);
      });
}

Value linear_activation(Recording& pass, const LinearParameters& layer, Activation activation, const Value& input) {
  const RowLayout& rows = *input.rows;
  const bool is_needed = pass.use(layer) || input.slot;
  const at::Tensor values = linear_without_bias(pass, rows, layer, input.tensor);
  at::Tensor output = bias_activation(activation, values, pass.parameters().of_each(layer.bias), rows).own;
  return pass.record(std::move(output), rows, is_needed,
                     [&pass, &rows, layer, activation, values, factor = pass.factor({&layer, 1}, input.tensor),
                      slot = input.slot](std::span<const at::Tensor> outputs, Gradients& gradients) {
                       const at::Tensor gradient = activation_backward(activation, values, outputs.front()).own;
                       pass.on_linear(rows, {&layer, 1}, factor, gradient);
                       if (slot) add_input_gradient(pass, rows, {&layer, 1}, gradient, gradients[*slot]);
                     });
}

Value tanh(Recording& pass, const Value& input) {
  const at::Tensor output = at::tanh(input.tensor);
  return pass.record(output, *input.rows, input.slot.has_value(),
                     [output, slot = input.slot](std::span<const at::Tensor> outputs, Gradients& gradients) {
                       gradients.add(*slot, at::tanh_backward(outputs.front(), output));
                     });
}

Value dropout(Recording& pass, const Value& input, const Dropout& dropout) {
  if (dropout.probability == 0.0) return input;
  const RowLayout& rows = *input.rows;
  const auto apply_ = [&rows, dropout](const at::Tensor& values) { apply_dropout_(values, rows, dropout); };
  const at::Tensor output = input.tensor.clone();
  apply_(output);
  return pass.record(output, rows, input.slot.has_value(),
                     [apply_, slot = input.slot](std::span<const at::Tensor> outputs, Gradients& gradients) {
                       apply_(outputs.front());
                       gradients.add(*slot, outputs.front());
                     });
}

std::vector<Value> head(Recording& pass, const LinearParameters& layer, const Value& input) {
  const RowLayout& rows = *input.rows;
  const PerModelTensors weight = pass.parameters().of_each(layer.weight);
  for (std::size_t model = 0; model < rows.model_count(); ++model) {
    pass.count_forward(rows.of_model(input.tensor, model).size(0), weight[model].numel());
  }
  return pass.record(head_logits(input.tensor, weight, pass.parameters().of_each(layer.bias), rows), rows,
                     input.slot || pass.needs(layer),
                     [&pass, &rows, layer, weight, tensor = input.tensor, slot = input.slot](
                         std::span<const at::Tensor> outputs, Gradients& gradients) {
                       pass.on_head(rows, layer, tensor, outputs);
                       if (!slot) return;
                       for (std::size_t model = 0; model < rows.model_count(); ++model) {
                         if (!outputs[model].defined()) continue;
                         pass.count_backward(outputs[model].size(0), weight[model].numel());
                       }
                       gradients.add(*slot, head_input_gradient(outputs, weight, rows));
                     });
}

}  // namespace tunescope
