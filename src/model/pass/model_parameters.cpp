#include "model_parameters.hpp"

#include <ATen/ops/addmm.h>

#include <algorithm>

#include "tunescope/base/error.hpp"
#include "tunescope/kernels/forced_kernels.hpp"
#include "tunescope/kernels/products/product_rows.hpp"

namespace tunescope {

ModelParameters::ModelParameters(std::span<const ModelInput> models) {
  for (const ModelInput& model : models) {
    models_.push_back(&model.parameters);
    bfloat16_weights_.push_back(model.bfloat16_weights);
    additions_.push_back(model.additions);
    packed_weights_.push_back(model.packed_weights);
    if ((model.bfloat16_weights != nullptr) != multiply_in_bfloat16()) {
      throw Error("models of one pass have weights in bfloat16 all or none");
    }
  }
  const ModelInput& first = models.front();
  network_size_ = first.additions == nullptr ? first.parameters.size() : first.additions->model_size();
}

const PackedMatrix* ModelParameters::packed(std::size_t model, const at::Tensor& weight) const {
  const bool may_be_packed = !multiply_in_bfloat16() && packed_weights_[model] != nullptr;
  return may_be_packed ? packed_weights_[model]->find(weight) : nullptr;
}

at::Tensor ModelParameters::product(const at::Tensor& inputs, std::size_t model, const at::Tensor& weight,
                                    const at::Tensor& bias) const {
  if (const PackedMatrix* const copy = packed(model, weight)) return copy->product(inputs, bias);
  at::Tensor outputs = empty_operand(inputs.size(0), weight.size(1), first(0).options());
  if (!bias.defined()) {
    matmul(inputs, operand(model, weight), outputs);
  } else if (takes_gpu_kernels(inputs.device()) && !multiply_in_bfloat16()) {
    at::addmm_out(outputs, bias, inputs, weight);  // one launch
  } else {
    outputs.copy_(bias.expand_as(outputs));
    matmul(inputs, operand(model, weight), outputs, Accumulate::kYes);
  }
  return outputs;
}

void ModelParameters::multiply(const at::Tensor& inputs, std::size_t model, const at::Tensor& weight,
                               const at::Tensor& outputs, Accumulate accumulate) const {
  if (const PackedMatrix* const copy = packed(model, weight)) {
    copy->multiply(inputs, outputs, accumulate);
  } else {
    matmul(inputs, operand(model, weight), outputs, accumulate);
  }
}

bool ModelParameters::is_shared(ParameterIndex index) const {
  return std::all_of(models_.begin() + 1, models_.end(),
                     [&](const Parameters* other) { return (*other)[index].is_same(first(index)); });
}

PerModelTensors ModelParameters::of_each(std::optional<ParameterIndex> index) const {
  PerModelTensors tensors;
  for (const Parameters* model : models_) tensors.push_back(index ? (*model)[*index] : at::Tensor());
  return tensors;
}

}  // namespace tunescope
