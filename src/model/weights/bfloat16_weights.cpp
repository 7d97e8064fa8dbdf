#include "tunescope/model/weights/bfloat16_weights.hpp"

namespace tunescope {
namespace {

// The whole storage that a float32 tensor is a view of, as a flat tensor.
at::Tensor whole_storage(const at::Tensor& tensor) {
  const auto count = static_cast<std::int64_t>(tensor.storage().nbytes() / sizeof(float));
  return tensor.as_strided({count}, {1}, 0);
}

}  // namespace

Bfloat16Weights::Bfloat16Weights(const PretrainedModel& model) {
  const ParameterCatalogue catalogue = model.network->catalogue(1);
  for (ParameterIndex i = 0; i < model.backbone.size(); ++i) {
    const bool is_drawn = catalogue[i].block == Block::kPooler && !model.has_pooler;
    if (catalogue[i].is_matrix() && !is_drawn) add_storage_of(model.backbone[i]);
  }
}

void Bfloat16Weights::add(const ParameterCatalogue& catalogue, const Parameters& parameters) {
  for (ParameterIndex i = 0; i < catalogue.size(); ++i) {
    if (catalogue[i].is_matrix()) add_storage_of(parameters[i]);
  }
}

void Bfloat16Weights::add_storage_of(const at::Tensor& weight) {
  const auto [known, is_new] = storages_.try_emplace(weight.storage().data());
  if (is_new) known->second = {weight, whole_storage(weight).to(at::kBFloat16)};
}

at::Tensor Bfloat16Weights::cast(const at::Tensor& matrix) const {
  const auto known = storages_.find(matrix.storage().data());
  if (known == storages_.end()) return matrix.to(at::kBFloat16);
  return known->second.rounded.as_strided(matrix.sizes(), matrix.strides(), matrix.storage_offset());
}

}  // namespace tunescope
