#pragma once

#include <utility>
#include <vector>

#include "tunescope/model/gradient_sink.hpp"

namespace tunescope::test {

/// Hands each model's rows to a sink of its own, or to none.
class SinkOfEach final : public GradientSink {
 public:
  explicit SinkOfEach(std::vector<GradientSink*> sinks) : sinks_(std::move(sinks)) {}

  bool needs_gradient(std::size_t model, ParameterIndex parameter) const override {
    return sinks_[model] != nullptr && sinks_[model]->needs_gradient(0, parameter);
  }
  void on_linear(std::span<const LinearParameters> layers, std::span<const LinearFactors> uses) override {
    for_each_sink([&](GradientSink& sink, std::size_t model) {
      std::vector<LinearFactors> own;
      for (const LinearFactors& use : uses) {
        own.push_back({of_model(use, use.input, model), of_model(use, use.output_gradient, model), use.rows});
      }
      sink.on_linear(layers, own);
    });
  }
  void on_layer_norm(const LayerNormParameters& p, std::span<const LayerNormFactors> uses) override {
    for_each_sink([&](GradientSink& sink, std::size_t model) {
      std::vector<LayerNormFactors> own;
      for (const LayerNormFactors& use : uses) {
        const auto& [input, mean, rstd] = use.activations;
        own.push_back({{of_model(use, input, model), of_model(use, mean, model), of_model(use, rstd, model)},
                       of_model(use, use.output_gradient, model),
                       use.rows});
      }
      sink.on_layer_norm(p, own);
    });
  }
  void on_embedding(ParameterIndex table, std::span<const EmbeddingFactors> uses) override {
    for_each_sink([&](GradientSink& sink, std::size_t model) {
      std::vector<EmbeddingFactors> own;
      for (const EmbeddingFactors& use : uses) {
        own.push_back({{of_model(use, use.ids.of_rows, model)}, of_model(use, use.output_gradient, model), use.rows});
      }
      sink.on_embedding(table, own);
    });
  }
  void on_head(const LinearParameters& p, const HeadFactors& use) override {
    for (std::size_t model = 0; model < sinks_.size(); ++model) {
      if (sinks_[model] == nullptr) continue;
      const HeadFactors factors{use.rows.of_model(use.input, model), use.output_gradients.subspan(model, 1), use.rows};
      sinks_[model]->on_head(p, factors);
    }
  }
  void on_added(std::span<const AddedFactors> tensors) override {
    for (AddedFactors own : tensors) {
      GradientSink* const sink = sinks_[std::exchange(own.model, 0)];
      sink->on_added({&own, 1});
    }
  }

 private:
  template <typename Factors>
  static at::Tensor of_model(const Factors& use, const at::Tensor& all, std::size_t model) {
    return all.defined() ? use.rows.of_model(all, model) : all;
  }
  template <typename Tell>
  void for_each_sink(const Tell& tell) {
    for (std::size_t model = 0; model < sinks_.size(); ++model) {
      if (sinks_[model] != nullptr) tell(*sinks_[model], model);
    }
  }

  std::vector<GradientSink*> sinks_;
};

}  // namespace tunescope::test
