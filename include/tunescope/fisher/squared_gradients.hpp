#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "tunescope/data/packed_batch.hpp"
#include "tunescope/model/gradient_sink.hpp"

namespace tunescope {

/// Sums of squared gradients, accumulated inside the backward pass: a gradient is summed within a group of consecutive
/// examples, squared, and added. With groups of one example this is N times the diagonal Fisher information.
class SquaredGradients final : public GradientSink {
 public:
  /// `is_wanted` by catalogue index; at least one is. Parameters that nobody wants cost nothing.
  SquaredGradients(const ParameterCatalogue& catalogue, const std::vector<bool>& is_wanted, at::Device device);

  /// Before a batch's backward pass: its examples in groups of `group_size`, the last one perhaps smaller.
  void begin(const PackedBatch& batch, std::int64_t group_size);

  /// By catalogue index, float64 in the tensor's shape; undefined where not wanted.
  const std::vector<at::Tensor>& sums() const { return sums_; }

  ParameterIndex first_needing_gradient() const override { return first_needing_gradient_; }
  void linear(const LinearParameters& parameters, const at::Tensor& input, const at::Tensor& output_gradient) override;
  void layer_norm(const LayerNormParameters& parameters, const LayerNormActivations& activations,
                  const at::Tensor& output_gradient) override;
  void embedding(ParameterIndex table, const at::Tensor& ids, const at::Tensor& output_gradient) override;

 private:
  // The groups' offsets into these rows, which are tokens, or sequences above the encoder.
  const std::vector<std::int64_t>& offsets_of(const at::Tensor& rows) const;

  std::vector<at::Tensor> sums_;
  ParameterIndex first_needing_gradient_ = 0;
  std::vector<std::int64_t> token_offsets_;
  std::vector<std::int64_t> sequence_offsets_;
};

}  // namespace tunescope
