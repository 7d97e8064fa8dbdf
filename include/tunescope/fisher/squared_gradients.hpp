#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "tunescope/data/packed_batch.hpp"
#include "tunescope/model/gradient_sink.hpp"

namespace tunescope {

/// A sink that adds up squared gradients during the backward pass: each gradient is summed within a group of
/// consecutive examples, squared, and added to the sums. With groups of one example, and N examples in all, the sums
/// are N times the diagonal Fisher information. The kernels never store the gradient of more than one group, so the
/// memory that this takes does not grow with the batch.
class SquaredGradients final : public GradientSink {
 public:
  /// `needs_gradient` is by catalogue index; at least one must be true. The others cost nothing.
  SquaredGradients(const ParameterCatalogue& catalogue, const std::vector<bool>& needs_gradient, at::Device device);

  /// Must be called before the backward pass of a batch. Its examples form groups of `group_size`; the last group may
  /// be smaller.
  void begin(const PackedBatch& batch, std::int64_t group_size);

  /// By catalogue index, float64 in the shape of the tensor; undefined if it needs no gradient.
  const std::vector<at::Tensor>& sums() const { return sums_; }

  ParameterIndex first_needing_gradient() const override { return first_needing_gradient_; }
  void on_linear(const LinearParameters& parameters, const at::Tensor& input,
                 const at::Tensor& output_gradient) override;
  void on_layer_norm(const LayerNormParameters& parameters, const LayerNormActivations& activations,
                     const at::Tensor& output_gradient) override;
  void on_embedding(ParameterIndex table, const at::Tensor& ids, const at::Tensor& output_gradient) override;

 private:
  // The offsets of the groups in `rows`, which has one row per token, or one per sequence above the encoder.
  const std::vector<std::int64_t>& offsets_of(const at::Tensor& rows) const;

  std::vector<at::Tensor> sums_;
  ParameterIndex first_needing_gradient_ = 0;
  std::vector<std::int64_t> token_offsets_;
  std::vector<std::int64_t> sequence_offsets_;
};

}  // namespace tunescope
