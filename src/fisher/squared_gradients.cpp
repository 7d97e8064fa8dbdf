#include "tunescope/fisher/squared_gradients.hpp"

#include <ATen/ops/zeros.h>

#include <algorithm>

#include "tunescope/kernels/per_example_squares.hpp"

namespace tunescope {

SquaredGradients::SquaredGradients(const ParameterCatalogue& catalogue, const std::vector<bool>& needs_gradient,
                                   at::Device device)
    : sums_(catalogue.size()),
      first_needing_gradient_(static_cast<ParameterIndex>(
          std::find(needs_gradient.begin(), needs_gradient.end(), true) - needs_gradient.begin())) {
  for (ParameterIndex i = 0; i < catalogue.size(); ++i) {
    if (needs_gradient[i]) sums_[i] = at::zeros(catalogue[i].shape, at::TensorOptions(at::kDouble).device(device));
  }
}

void SquaredGradients::begin(const PackedBatch& batch, std::int64_t group_size) {
  token_offsets_.clear();
  sequence_offsets_.clear();
  for (std::int64_t sequence = 0; sequence < batch.sequence_count(); sequence += group_size) {
    sequence_offsets_.push_back(sequence);
  }
  sequence_offsets_.push_back(batch.sequence_count());
  for (const std::int64_t sequence : sequence_offsets_) {
    token_offsets_.push_back(batch.sequence_offsets[static_cast<std::size_t>(sequence)]);
  }
}

const std::vector<std::int64_t>& SquaredGradients::offsets_of(const at::Tensor& rows) const {
  return rows.size(0) == token_offsets_.back() ? token_offsets_ : sequence_offsets_;
}

void SquaredGradients::on_linear(const LinearParameters& parameters, const at::Tensor& input,
                                 const at::Tensor& output_gradient) {
  const std::vector<std::int64_t>& offsets = offsets_of(output_gradient);
  if (const at::Tensor& weight = sums_[parameters.weight]; weight.defined()) {
    add_squared_products(weight, output_gradient, input, offsets);
  }
  if (const at::Tensor& bias = sums_[parameters.bias]; bias.defined()) {
    add_squared_sums(bias, output_gradient, offsets);
  }
}

void SquaredGradients::on_layer_norm(const LayerNormParameters& parameters, const LayerNormActivations& activations,
                                     const at::Tensor& output_gradient) {
  const std::vector<std::int64_t>& offsets = offsets_of(output_gradient);
  if (const at::Tensor& weight = sums_[parameters.weight]; weight.defined()) {
    const at::Tensor normalized = activations.input.sub(activations.mean).mul_(activations.rstd);
    add_squared_sums(weight, normalized.mul_(output_gradient), offsets);
  }
  if (const at::Tensor& bias = sums_[parameters.bias]; bias.defined()) {
    add_squared_sums(bias, output_gradient, offsets);
  }
}

void SquaredGradients::on_embedding(ParameterIndex table, const at::Tensor& ids, const at::Tensor& output_gradient) {
  if (const at::Tensor& sums = sums_[table]; sums.defined()) {
    add_squared_scatters(sums, ids, output_gradient, token_offsets_);
  }
}

}  // namespace tunescope
