#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "tunescope/kernels/row_layout.hpp"
#include "tunescope/model/bert/bert.hpp"

namespace tunescope {

/// Which rows of a pass's tensors belong to which model and sequence, and the parameters of each model. A pass has two
/// of these: one for tensors with a row per token, and one for tensors with a row per sequence.
class ModelRows {
 public:
  /// Of R rows, model k owns offsets[k] ... offsets[k+1]-1, and sequence b owns sequence_offsets[b] ...
  /// sequence_offsets[b+1]-1. `bfloat16_weights` is null if matrix products are in full precision.
  ModelRows(std::vector<const Parameters*> parameters, std::vector<std::int64_t> offsets,
            std::vector<std::int64_t> sequence_offsets, const Bfloat16Weights* bfloat16_weights)
      : parameters_(std::move(parameters)),
        offsets_(std::move(offsets)),
        sequence_offsets_(std::move(sequence_offsets)),
        bfloat16_weights_(bfloat16_weights) {}

  std::size_t size() const { return parameters_.size(); }

  /// Whether all models have the same tensor object for this parameter, not just equal numbers.
  bool is_shared(ParameterIndex index) const;
  const at::Tensor& shared(ParameterIndex index) const { return (*parameters_.front())[index]; }
  const at::Tensor& parameter(std::size_t model, ParameterIndex index) const { return (*parameters_[model])[index]; }

  /// The parameter of each model, for kernels that use each row's own.
  PerModelTensors tensors(ParameterIndex index) const;
  std::span<const std::int64_t> offsets() const { return offsets_; }
  std::span<const std::int64_t> sequence_offsets() const { return sequence_offsets_; }

  /// See `matmul_operand`.
  at::Tensor operand(const at::Tensor& matrix) const { return matmul_operand(matrix, bfloat16_weights_); }

  /// A view of the model's part of `rows` [R, ...].
  at::Tensor of(std::size_t model, const at::Tensor& rows) const { return rows_of_model(rows, offsets_, model); }

 private:
  std::vector<const Parameters*> parameters_;
  std::vector<std::int64_t> offsets_;
  std::vector<std::int64_t> sequence_offsets_;
  const Bfloat16Weights* bfloat16_weights_;
};

/// The gradient sinks of a pass. Each receives the rows of its own model only.
class ModelSinks {
 public:
  explicit ModelSinks(std::span<const Bert::ModelGradient> gradients) : gradients_(gradients) {}

  /// The smallest index of a parameter that needs a gradient in any model.
  ParameterIndex first_needing_gradient() const;

  /// See `GradientSink`. The tensors have the rows of all models.
  void on_linear(const ModelRows& rows, const LinearParameters& parameters, const at::Tensor& input,
                 const at::Tensor& output_gradient) const;
  void on_layer_norm(const ModelRows& rows, const LayerNormParameters& parameters,
                     const LayerNormActivations& activations, const at::Tensor& output_gradient) const;
  void on_embedding(const ModelRows& rows, ParameterIndex table, const at::Tensor& ids,
                    const at::Tensor& output_gradient) const;

  GradientSink& sink(std::size_t model) const { return gradients_[model].sink; }

 private:
  std::span<const Bert::ModelGradient> gradients_;
};

}  // namespace tunescope
