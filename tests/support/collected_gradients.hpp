#pragma once

#include <ATen/ops/cat.h>
#include <ATen/ops/zeros.h>

#include <vector>

#include "tunescope/model/gradient_sink.hpp"
#include "tunescope/model/pretrained.hpp"

namespace tunescope::test {

/// The gradient of a key's bias is zero in exact arithmetic: it shifts all scores of a query alike. So it is for the
/// keys of distances.
inline bool is_zero_in_theory(const ParameterInfo& parameter) {
  return parameter.component == "attention.self.key.bias" || parameter.component == "attention.k_lin.bias" ||
         parameter.component == "attention.self.pos_key_proj.bias";
}

/// What is left of a tensor without those of its numbers: the middle third of GPT-2's joined bias.
inline at::Tensor without_zeros_in_theory(const ParameterInfo& parameter, const at::Tensor& tensor) {
  if (parameter.component != "attn.c_attn.bias") return tensor;
  const std::int64_t third = tensor.numel() / 3;
  return at::cat({tensor.narrow(0, 0, third), tensor.narrow(0, 2 * third, third)});
}

/// Every gradient of the only model of a pass, written out from the formulas in `GradientSink`.
class CollectedGradients : public GradientSink {
 public:
  explicit CollectedGradients(const Parameters& parameters) {
    for (const at::Tensor& parameter : parameters)
      gradients.push_back(at::zeros(parameter.sizes(), parameter.options()));
  }

  bool needs_gradient(std::size_t, ParameterIndex) const override { return true; }

  void on_linear(std::span<const LinearParameters> layers, std::span<const LinearFactors> uses) override {
    for (const LinearFactors& use : uses) {
      std::int64_t column = 0;
      for (const LinearParameters& p : layers) {
        const std::int64_t width = p.outputs(gradients[p.weight].sizes());
        const at::Tensor output_gradient = use.output_gradient.narrow(1, column, width);
        if (use.input.defined() && p.layout == WeightLayout::kInOut) {
          gradients[p.weight].add_(use.input.t().matmul(output_gradient));
        } else if (use.input.defined()) {
          add_products(gradients[p.weight].flatten(1), output_gradient, use.input);
        }
        if (p.bias) gradients[*p.bias].add_(output_gradient.sum(0));
        column += width;
      }
    }
  }

  void on_layer_norm(const LayerNormParameters& p, std::span<const LayerNormFactors> uses) override {
    for (const auto& [saved, output_gradient, rows] : uses) {
      const at::Tensor normalized = saved.input.sub(saved.mean).mul(saved.rstd);
      gradients[p.weight].add_(output_gradient.mul(normalized).sum(0));
      gradients[p.bias].add_(output_gradient.sum(0));
    }
  }

  void on_embedding(ParameterIndex table, std::span<const EmbeddingFactors> uses) override {
    for (const EmbeddingFactors& use : uses) gradients[table].index_add_(0, use.ids.of_rows, use.output_gradient);
  }

  void on_head(const LinearParameters& p, const HeadFactors& use) override {
    const LinearFactors only{use.input, use.output_gradients.front(), use.rows};
    on_linear({&p, 1}, {&only, 1});
  }

  void on_added(std::span<const AddedFactors> tensors) override {
    for (const auto& [model, tensor, uses] : tensors) {
      for (const LinearFactors& use : uses) {
        if (gradients[tensor].dim() == 2) {
          gradients[tensor].add_(use.output_gradient.t().matmul(use.input));
        } else {
          const at::Tensor summed = use.input.defined() ? use.output_gradient.mul(use.input) : use.output_gradient;
          gradients[tensor].add_(summed.sum(0));
        }
      }
    }
  }

  std::vector<at::Tensor> gradients;

 private:
  // In a convolution of several groups each reads columns of its own.
  static void add_products(const at::Tensor& gradient, const at::Tensor& output_gradient, const at::Tensor& input) {
    const std::int64_t groups = input.size(1) / gradient.size(1);
    const std::vector<at::Tensor> outputs = output_gradient.chunk(groups, 1);
    const std::vector<at::Tensor> inputs = input.chunk(groups, 1);
    const std::vector<at::Tensor> own = gradient.chunk(groups, 0);
    for (std::size_t group = 0; group < own.size(); ++group) own[group].add_(outputs[group].t().matmul(inputs[group]));
  }
};

}  // namespace tunescope::test
