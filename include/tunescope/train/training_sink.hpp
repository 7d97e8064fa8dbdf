#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "tunescope/model/gradient_sink.hpp"
#include "tunescope/train/trainable_parameters.hpp"

namespace tunescope {

/// The sink of training: computes the gradients of what the models of a pass train, and puts them into the buffers of
/// each.
class TrainingSink final : public GradientSink {
 public:
  /// In the order of the pass's models; they must outlive the object.
  explicit TrainingSink(std::vector<TrainableParameters*> models) : models_(std::move(models)) {}

  bool needs_gradient(std::size_t model, ParameterIndex parameter) const override {
    return models_[model]->is_trained(parameter);
  }
  void on_linear(std::span<const LinearParameters> layers, std::span<const LinearFactors> uses) override;
  void on_layer_norm(const LayerNormParameters& parameters, std::span<const LayerNormFactors> uses) override;
  void on_embedding(ParameterIndex table, std::span<const EmbeddingFactors> uses) override;
  void on_head(const LinearParameters& parameters, const HeadFactors& use) override;
  void on_added(std::span<const AddedFactors> tensors) override;

 private:
  bool any_needs(ParameterIndex parameter) const;
  /// Where the gradients of a parameter that are computed next go, by model: nowhere if a model does not train it.
  std::vector<GradientTarget> targets_of(ParameterIndex parameter) const;
  static std::optional<std::vector<GradientTarget>> join(const std::vector<std::vector<GradientTarget>>& of_tensors);
  template <typename TensorOf, typename Compute>
  void for_each_columns(std::span<const LinearParameters> layers, TensorOf tensor_of, Compute compute);

  std::vector<TrainableParameters*> models_;
};

}  // namespace tunescope
