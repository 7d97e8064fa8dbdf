#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <span>
#include <vector>

#include "tunescope/kernels/batch_layout.hpp"
#include "tunescope/model/parameter_catalogue.hpp"
#include "tunescope/model/pass.hpp"

namespace tunescope {

/// The parameters of the models of a pass. Co-trained models share most of them: the same tensor objects.
class ModelParameters {
 public:
  /// Throws `Error` if only some models have weights in bfloat16.
  explicit ModelParameters(std::span<const ModelInput> models);

  std::size_t model_count() const { return models_.size(); }
  /// Number of tensors of the network, which is that of every model without what is added to it.
  std::size_t network_size() const { return network_size_; }
  /// Number of tensors that are added to a model.
  std::size_t added_count(std::size_t model) const { return models_[model]->size() - network_size_; }
  /// What a model adds to the layer of this weight; null: nothing.
  const LayerAdditions* additions_to(std::size_t model, ParameterIndex weight) const {
    return additions_[model] == nullptr ? nullptr : additions_[model]->of(weight);
  }

  /// Whether all models have the same tensor object for this parameter, not just equal numbers.
  bool is_shared(ParameterIndex index) const;
  /// The first model's: everybody's if it is shared, and of everybody's shape in any case.
  const at::Tensor& first(ParameterIndex index) const { return (*models_.front())[index]; }
  const at::Tensor& of(std::size_t model, ParameterIndex index) const { return (*models_[model])[index]; }
  /// The parameter of each model, for kernels that use each row's own; undefined tensors if there is none.
  PerModelTensors of_each(std::optional<ParameterIndex> index) const;

  /// Whether matrix products read their operands in bfloat16.
  bool multiply_in_bfloat16() const { return bfloat16_weights_.front() != nullptr; }
  /// What a matrix product reads of a weight of a model, or of several that are contiguous in memory.
  at::Tensor operand(std::size_t model, const at::Tensor& weight) const {
    return multiply_in_bfloat16() ? bfloat16_weights_[model]->cast(weight) : weight;
  }
  /// inputs W, with such a weight [k, n], or inputs W + bias, with a bias [n] that the models share. The inputs are in
  /// the type of operands, the result in that of parameters.
  at::Tensor product(const at::Tensor& inputs, std::size_t model, const at::Tensor& weight,
                     const at::Tensor& bias = {}) const;
  /// outputs = inputs W, or outputs += inputs W.
  void multiply(const at::Tensor& inputs, std::size_t model, const at::Tensor& weight, const at::Tensor& outputs,
                Accumulate accumulate) const;

 private:
  // The copy of a weight by which products are faster, if there is one.
  const PackedMatrix* packed(std::size_t model, const at::Tensor& weight) const;

  std::vector<const Parameters*> models_;
  std::vector<const Bfloat16Weights*> bfloat16_weights_;  // null if products are in full precision
  std::vector<const Additions*> additions_;               // null if a model has none
  std::size_t network_size_ = 0;
  std::vector<PackedWeights*> packed_weights_;
};

}  // namespace tunescope
