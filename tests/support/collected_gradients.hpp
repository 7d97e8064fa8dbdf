#pragma once

#include <ATen/ops/zeros.h>

#include <vector>

#include "tunescope/model/gradient_sink.hpp"
#include "tunescope/model/pretrained.hpp"

namespace tunescope::test {

/// The gradient of a key's bias is zero in exact arithmetic: it shifts all scores of a query alike.
inline bool is_zero_in_theory(const ParameterInfo& parameter) {
  return parameter.component == "attention.self.key.bias";
}

/// Every parameter's gradient, written out from the formulas in `GradientSink`.
class CollectedGradients final : public GradientSink {
 public:
  explicit CollectedGradients(const Parameters& parameters) {
    for (const at::Tensor& parameter : parameters)
      gradients.push_back(at::zeros(parameter.sizes(), parameter.options()));
  }

  ParameterIndex first_needing_gradient() const override { return 0; }

  void on_linear(const LinearParameters& p, const at::Tensor& input, const at::Tensor& output_gradient) override {
    gradients[p.weight].add_(output_gradient.t().matmul(input));
    gradients[p.bias].add_(output_gradient.sum(0));
  }

  void on_layer_norm(const LayerNormParameters& p, const LayerNormActivations& saved,
                     const at::Tensor& output_gradient) override {
    const at::Tensor normalized = saved.input.sub(saved.mean).mul(saved.rstd);
    gradients[p.weight].add_(output_gradient.mul(normalized).sum(0));
    gradients[p.bias].add_(output_gradient.sum(0));
  }

  void on_embedding(ParameterIndex table, const at::Tensor& ids, const at::Tensor& output_gradient) override {
    gradients[table].index_add_(0, ids, output_gradient);
  }

  std::vector<at::Tensor> gradients;
};

}  // namespace tunescope::test
