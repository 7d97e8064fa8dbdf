#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "tunescope/kernels/row_layout.hpp"
#include "tunescope/model/bfloat16_weights.hpp"
#include "tunescope/model/parameter_catalogue.hpp"

namespace tunescope {

/// Which rows of a pass's tensors belong to which model and sequence, and the parameters of each model. A pass has two
/// of these: one for tensors with a row per token, and one for tensors with a row per sequence.
class ModelRows {
 public:
  /// Of R rows, sequence b owns sequence_offsets[b] ... sequence_offsets[b+1]-1, and model k the sequences
  /// model_sequences[k] ... model_sequences[k+1]-1. `bfloat16_weights` is null if matrix products are in full
  /// precision.
  ModelRows(std::vector<const Parameters*> parameters, std::span<const std::int64_t> model_sequences,
            std::vector<std::int64_t> sequence_offsets, const Bfloat16Weights* bfloat16_weights);

  std::size_t size() const { return parameters_.size(); }

  /// Whether all models have the same tensor object for this parameter, not just equal numbers.
  bool is_shared(ParameterIndex index) const;
  const at::Tensor& shared(ParameterIndex index) const { return (*parameters_.front())[index]; }
  const at::Tensor& parameter(std::size_t model, ParameterIndex index) const { return (*parameters_[model])[index]; }

  /// The parameter of each model, for kernels that use each row's own.
  PerModelTensors tensors(ParameterIndex index) const;
  std::span<const std::int64_t> offsets() const { return offsets_; }
  std::span<const std::int64_t> sequence_offsets() const { return sequence_offsets_; }
  /// Those of a model's sequences, in its own rows.
  std::span<const std::int64_t> sequence_offsets_of(std::size_t model) const { return own_sequence_offsets_[model]; }

  /// See `matmul_operand`.
  at::Tensor operand(const at::Tensor& matrix) const { return matmul_operand(matrix, bfloat16_weights_); }

  /// A view of the model's part of `rows` [R, ...].
  at::Tensor of(std::size_t model, const at::Tensor& rows) const { return rows_of_model(rows, offsets_, model); }

 private:
  std::vector<const Parameters*> parameters_;
  std::vector<std::int64_t> offsets_;
  std::vector<std::int64_t> sequence_offsets_;
  std::vector<std::vector<std::int64_t>> own_sequence_offsets_;
  const Bfloat16Weights* bfloat16_weights_;
};

}  // namespace tunescope
