#include "model_rows.hpp"

#include <algorithm>

namespace tunescope {

bool ModelRows::share(ParameterIndex index) const {
  return std::all_of(parameters_.begin() + 1, parameters_.end(),
                     [&](const Parameters* other) { return (*other)[index].is_same(shared(index)); });
}

PerModelTensors ModelRows::tensors(ParameterIndex index) const {
  PerModelTensors tensors;
  for (const Parameters* lane : parameters_) tensors.push_back((*lane)[index]);
  return tensors;
}

ParameterIndex ModelSinks::first_needing_gradient() const {
  ParameterIndex lowest = gradients_.front().sink.first_needing_gradient();
  for (const Bert::ModelGradient& gradient : gradients_)
    lowest = std::min(lowest, gradient.sink.first_needing_gradient());
  return lowest;
}

void ModelSinks::linear(const ModelRows& rows, const LinearParameters& parameters, const at::Tensor& input,
                        const at::Tensor& output_gradient) const {
  for (std::size_t lane = 0; lane < rows.size(); ++lane) {
    sink(lane).linear(parameters, rows.of(lane, input), rows.of(lane, output_gradient));
  }
}

void ModelSinks::layer_norm(const ModelRows& rows, const LayerNormParameters& parameters,
                            const LayerNormActivations& activations, const at::Tensor& output_gradient) const {
  for (std::size_t lane = 0; lane < rows.size(); ++lane) {
    sink(lane).layer_norm(
        parameters,
        {rows.of(lane, activations.input), rows.of(lane, activations.mean), rows.of(lane, activations.rstd)},
        rows.of(lane, output_gradient));
  }
}

void ModelSinks::embedding(const ModelRows& rows, ParameterIndex table, const at::Tensor& ids,
                           const at::Tensor& output_gradient) const {
  for (std::size_t lane = 0; lane < rows.size(); ++lane) {
    sink(lane).embedding(table, rows.of(lane, ids), rows.of(lane, output_gradient));
  }
}

}  // namespace tunescope
