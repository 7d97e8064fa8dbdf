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
    for_each_sink(uses.front().rows, [&](GradientSink& sink, const auto& own) {
      const LinearFactors factors{own(uses.front().input), own(uses.front().output_gradient), uses.front().rows};
      sink.on_linear(layers, {&factors, 1});
    });
  }
  void on_layer_norm(const LayerNormParameters& p, std::span<const LayerNormFactors> uses) override {
    for_each_sink(uses.front().rows, [&](GradientSink& sink, const auto& own) {
      const LayerNormActivations& saved = uses.front().activations;
      const LayerNormFactors factors{
          {own(saved.input), own(saved.mean), own(saved.rstd)}, own(uses.front().output_gradient), uses.front().rows};
      sink.on_layer_norm(p, {&factors, 1});
    });
  }
  void on_embedding(ParameterIndex table, std::span<const EmbeddingFactors> uses) override {
    for_each_sink(uses.front().rows, [&](GradientSink& sink, const auto& own) {
      const EmbeddingFactors factors{
          {own(uses.front().ids.of_rows)}, own(uses.front().output_gradient), uses.front().rows};
      sink.on_embedding(table, {&factors, 1});
    });
  }
  void on_head(const LinearParameters& p, const HeadFactors& use) override {
    for (std::size_t model = 0; model < sinks_.size(); ++model) {
      if (sinks_[model] == nullptr) continue;
      const HeadFactors factors{use.rows.of_model(use.input, model), use.output_gradients.subspan(model, 1), use.rows};
      sinks_[model]->on_head(p, factors);
    }
  }

 private:
  template <typename Tell>
  void for_each_sink(const RowLayout& rows, const Tell& tell) {
    for (std::size_t model = 0; model < sinks_.size(); ++model) {
      if (sinks_[model] == nullptr) continue;
      tell(*sinks_[model], [&](const at::Tensor& all) { return all.defined() ? rows.of_model(all, model) : all; });
    }
  }

  std::vector<GradientSink*> sinks_;
};

}  // namespace tunescope::test
