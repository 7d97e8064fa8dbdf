#include "model_rows.hpp"

#include <algorithm>

namespace tunescope {

bool ModelRows::is_shared(ParameterIndex index) const {
  return std::all_of(parameters_.begin() + 1, parameters_.end(),
                     [&](const Parameters* other) { return (*other)[index].is_same(shared(index)); });
}

PerModelTensors ModelRows::tensors(ParameterIndex index) const {
  PerModelTensors tensors;
  for (const Parameters* model : parameters_) tensors.push_back((*model)[index]);
  return tensors;
}

ParameterIndex ModelSinks::first_needing_gradient() const {
  ParameterIndex first = gradients_.front().sink.first_needing_gradient();
  for (const Bert::ModelGradient& gradient : gradients_) {
    first = std::min(first, gradient.sink.first_needing_gradient());
  }
  return first;
}

void ModelSinks::on_linear(const ModelRows& rows, const LinearParameters& parameters, const at::Tensor& input,
                           const at::Tensor& output_gradient) const {
  for (std::size_t model = 0; model < rows.size(); ++model) {
    sink(model).on_linear(parameters, rows.of(model, input), rows.of(model, output_gradient));
  }
}

void ModelSinks::on_layer_norm(const ModelRows& rows, const LayerNormParameters& parameters,
                               const LayerNormActivations& activations, const at::Tensor& output_gradient) const {
  for (std::size_t model = 0; model < rows.size(); ++model) {
    sink(model).on_layer_norm(
        parameters,
        {rows.of(model, activations.input), rows.of(model, activations.mean), rows.of(model, activations.rstd)},
        rows.of(model, output_gradient));
  }
}

void ModelSinks::on_embedding(const ModelRows& rows, ParameterIndex table, const at::Tensor& ids,
                              const at::Tensor& output_gradient) const {
  for (std::size_t model = 0; model < rows.size(); ++model) {
    sink(model).on_embedding(table, rows.of(model, ids), rows.of(model, output_gradient));
  }
}

}  // namespace tunescope
