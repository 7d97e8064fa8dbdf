#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "tunescope/model/gradient_sink.hpp"

namespace tunescope {

/// A sink that adds up squared gradients during the backward pass: each gradient is summed within a group of
/// consecutive examples, over all uses of the parameter, squared, and added to the sums. With groups of one example,
/// and N examples in all, the sums are N times the diagonal Fisher information. The kernels never store the gradient of
/// more than one group, so the memory that this takes does not grow with the batch.
class SquaredGradients final : public GradientSink {
 public:
  /// `needs_gradient` is by catalogue index; the catalogue must outlive the object. The examples of each pass form
  /// groups of `group_size`; the last group of a pass may be smaller.
  SquaredGradients(const ParameterCatalogue& catalogue, const std::vector<bool>& needs_gradient, at::Device device,
                   std::int64_t group_size);

  /// By catalogue index, float64 in the shape of the tensor; undefined if it needs no gradient.
  const std::vector<at::Tensor>& sums() const { return sums_; }

  bool needs_gradient(std::size_t, ParameterIndex parameter) const override { return sums_[parameter].defined(); }
  std::int64_t group_of(std::size_t, std::size_t sequence) const override {
    return static_cast<std::int64_t>(sequence) / group_size_;
  }
  void on_linear(std::span<const LinearParameters> layers, std::span<const LinearFactors> uses) override;
  void on_layer_norm(const LayerNormParameters& parameters, std::span<const LayerNormFactors> uses) override;
  void on_embedding(ParameterIndex table, std::span<const EmbeddingFactors> uses) override;
  void on_head(const LinearParameters& parameters, const HeadFactors& use) override;
  void on_added(std::span<const AddedFactors> tensors) override;

 private:
  const ParameterCatalogue& catalogue_;
  std::vector<at::Tensor> sums_;
  std::int64_t group_size_;
};

}  // namespace tunescope
