#include "lane_rows.hpp"

#include <algorithm>

namespace tunescope {

bool LaneRows::share(ParameterIndex index) const {
  return std::all_of(parameters_.begin() + 1, parameters_.end(),
                     [&](const Parameters* other) { return (*other)[index].is_same(shared(index)); });
}

LaneTensors LaneRows::tensors(ParameterIndex index) const {
  LaneTensors tensors;
  for (const Parameters* lane : parameters_) tensors.push_back((*lane)[index]);
  return tensors;
}

ParameterIndex LaneSinks::lowest_wanted() const {
  ParameterIndex lowest = gradients_.front().sink.lowest_wanted();
  for (const Bert::LaneGradient& gradient : gradients_) lowest = std::min(lowest, gradient.sink.lowest_wanted());
  return lowest;
}

void LaneSinks::linear(const LaneRows& rows, const LinearParameters& parameters, const at::Tensor& input,
                       const at::Tensor& output_gradient) const {
  for (std::size_t lane = 0; lane < rows.size(); ++lane) {
    sink(lane).linear(parameters, rows.of(lane, input), rows.of(lane, output_gradient));
  }
}

void LaneSinks::layer_norm(const LaneRows& rows, const LayerNormParameters& parameters,
                           const LayerNormActivations& activations, const at::Tensor& output_gradient) const {
  for (std::size_t lane = 0; lane < rows.size(); ++lane) {
    sink(lane).layer_norm(
        parameters,
        {rows.of(lane, activations.input), rows.of(lane, activations.mean), rows.of(lane, activations.rstd)},
        rows.of(lane, output_gradient));
  }
}

void LaneSinks::embedding(const LaneRows& rows, ParameterIndex table, const at::Tensor& ids,
                          const at::Tensor& output_gradient) const {
  for (std::size_t lane = 0; lane < rows.size(); ++lane) {
    sink(lane).embedding(table, rows.of(lane, ids), rows.of(lane, output_gradient));
  }
}

}  // namespace tunescope
