#include "model_rows.hpp"

#include <algorithm>
#include <utility>

namespace tunescope {

ModelRows::ModelRows(std::vector<const Parameters*> parameters, std::span<const std::int64_t> model_sequences,
                     std::vector<std::int64_t> sequence_offsets, const Bfloat16Weights* bfloat16_weights)
    : parameters_(std::move(parameters)),
      sequence_offsets_(std::move(sequence_offsets)),
      bfloat16_weights_(bfloat16_weights) {
  for (const std::int64_t sequence : model_sequences) {
    offsets_.push_back(sequence_offsets_[static_cast<std::size_t>(sequence)]);
  }
  for (std::size_t model = 0; model < parameters_.size(); ++model) {
    own_sequence_offsets_.emplace_back();
    for (std::int64_t sequence = model_sequences[model]; sequence <= model_sequences[model + 1]; ++sequence) {
      own_sequence_offsets_.back().push_back(sequence_offsets_[static_cast<std::size_t>(sequence)] - offsets_[model]);
    }
  }
}

bool ModelRows::is_shared(ParameterIndex index) const {
  return std::all_of(parameters_.begin() + 1, parameters_.end(),
                     [&](const Parameters* other) { return (*other)[index].is_same(shared(index)); });
}

PerModelTensors ModelRows::tensors(ParameterIndex index) const {
  PerModelTensors tensors;
  for (const Parameters* model : parameters_) tensors.push_back((*model)[index]);
  return tensors;
}

}  // namespace tunescope
