#include <ATen/ops/addmm.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/mm.h>
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
  at::Tensor output = bias_activation(activation, values, pass.parameters().of_each(layer.bias), rows);
  return pass.record(std::move(output), rows, is_needed,
                     [&pass, &rows, layer, activation, values, factor = pass.factor({&layer, 1}, input.tensor),
                      slot = input.slot](std::span<const at::Tensor> outputs, Gradients& gradients) {
                       const at::Tensor gradient = activation_backward(activation, values, outputs.front());
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
  std::vector<at::Tensor> logits;
  for (std::size_t model = 0; model < rows.model_count(); ++model) {
    const at::Tensor& weight = pass.parameters().of(model, layer.weight);
    const at::Tensor own = rows.of_model(input.tensor, model);
    pass.count_forward(own.size(0), weight.numel());
    logits.push_back(at::addmm(pass.parameters().of(model, layer.bias), own, weight.t()));
  }
  return pass.record(std::move(logits), rows, input.slot || pass.needs(layer),
                     [&pass, &rows, layer, tensor = input.tensor, slot = input.slot](
                         std::span<const at::Tensor> outputs, Gradients& gradients) {
                       const at::Tensor gradient = slot ? at::empty_like(tensor) : at::Tensor();
                       pass.on_head(rows, layer, tensor, outputs);
                       for (std::size_t model = 0; model < rows.model_count(); ++model) {
                         if (!slot) continue;
                         at::Tensor own = rows.of_model(gradient, model);
                         if (!outputs[model].defined()) {
                           own.zero_();
                           continue;
                         }
                         const at::Tensor& weight = pass.parameters().of(model, layer.weight);
                         pass.count_backward(own.size(0), weight.numel());
                         at::mm_out(own, outputs[model], weight);
                       }
                       if (slot) gradients.add(*slot, gradient);
                     });
}

}  // namespace tunescope
