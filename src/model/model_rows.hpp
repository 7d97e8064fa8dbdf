#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "tunescope/kernels/row_layout.hpp"
#include "tunescope/model/bert.hpp"

namespace tunescope {

/// The lanes and sequences of a pass and which rows of a tensor, all tokens or one a sequence, are whose.
class ModelRows {
 public:
  /// Lane k owns rows offsets[k] ... offsets[k+1]-1 of R in all, sequence b of B rows sequence_offsets[b] ...
  /// sequence_offsets[b+1]-1. `rounded` is null where products are in full precision.
  ModelRows(std::vector<const Parameters*> parameters, std::vector<std::int64_t> offsets,
            std::vector<std::int64_t> sequence_offsets, const Bfloat16Weights* rounded)
      : parameters_(std::move(parameters)),
        offsets_(std::move(offsets)),
        sequence_offsets_(std::move(sequence_offsets)),
        bfloat16_weights_(rounded) {}

  std::size_t size() const { return parameters_.size(); }

  /// Whether all lanes have the same tensor, not just an equal one.
  bool share(ParameterIndex index) const;
  const at::Tensor& shared(ParameterIndex index) const { return (*parameters_.front())[index]; }
  const at::Tensor& parameter(std::size_t lane, ParameterIndex index) const { return (*parameters_[lane])[index]; }

  /// A parameter of all lanes, for kernels that take each row with its lane's own.
  PerModelTensors tensors(ParameterIndex index) const;
  std::span<const std::int64_t> offsets() const { return offsets_; }
  std::span<const std::int64_t> sequence_offsets() const { return sequence_offsets_; }

  /// A matrix as products take it.
  at::Tensor factor(const at::Tensor& matrix) const { return matmul_operand(matrix, bfloat16_weights_); }

  /// A lane's part of `rows` [R, ...], a view.
  at::Tensor of(std::size_t lane, const at::Tensor& rows) const { return rows_of_model(rows, offsets_, lane); }

 private:
  std::vector<const Parameters*> parameters_;
  std::vector<std::int64_t> offsets_;
  std::vector<std::int64_t> sequence_offsets_;
  const Bfloat16Weights* bfloat16_weights_;
};

/// The sinks of a pass, each told of its lane's rows only.
class ModelSinks {
 public:
  explicit ModelSinks(std::span<const Bert::ModelGradient> gradients) : gradients_(gradients) {}

  /// The smallest index that any lane wants.
  ParameterIndex first_needing_gradient() const;

  /// See `GradientSink`; tensors have the rows of all lanes.
  void linear(const ModelRows& rows, const LinearParameters& parameters, const at::Tensor& input,
              const at::Tensor& output_gradient) const;
  void layer_norm(const ModelRows& rows, const LayerNormParameters& parameters, const LayerNormActivations& activations,
                  const at::Tensor& output_gradient) const;
  void embedding(const ModelRows& rows, ParameterIndex table, const at::Tensor& ids,
                 const at::Tensor& output_gradient) const;

  GradientSink& sink(std::size_t lane) const { return gradients_[lane].sink; }

 private:
  std::span<const Bert::ModelGradient> gradients_;
};

}  // namespace tunescope
