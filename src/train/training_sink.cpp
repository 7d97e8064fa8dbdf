#include "tunescope/train/training_sink.hpp"

#include <ATen/ops/sum.h>

#include <algorithm>

#include "tunescope/kernels/layer_norm.hpp"
#include "tunescope/kernels/matmul.hpp"

namespace tunescope {
namespace {

void put_gradient(const at::Tensor& gradient, const at::Tensor& computed, Accumulate accumulate) {
  accumulate == Accumulate::kNo ? gradient.copy_(computed) : gradient.add_(computed);
}

}  // namespace

bool TrainingSink::any_needs(ParameterIndex parameter) const {
  return std::ranges::any_of(models_, [&](const TrainableParameters* model) { return model->is_trained(parameter); });
}

template <typename Compute>
void TrainingSink::for_each_target(ParameterIndex parameter, Compute compute) {
  for (std::size_t model = 0; model < models_.size(); ++model) {
    if (!models_[model]->is_trained(parameter)) continue;
    const auto [gradient, accumulate] = models_[model]->next_target(parameter);
    compute(model, gradient, accumulate);
  }
}

void TrainingSink::on_linear(std::span<const LinearParameters> layers, std::span<const LinearFactors> uses) {
  const bool trains_weights =
      std::ranges::any_of(layers, [&](const LinearParameters& p) { return any_needs(p.weight); });
  for (const LinearFactors& use : uses) {
    const at::Tensor factor = trains_weights ? matmul_operand(use.output_gradient, bfloat16_weights_) : at::Tensor();
    const at::Tensor input = trains_weights ? matmul_operand(use.input, bfloat16_weights_) : at::Tensor();
    std::int64_t column = 0;
    for (const LinearParameters& layer : layers) {
      const std::int64_t width = models_.front()->shape(layer.bias).front();
      const auto own = [&](const at::Tensor& all, std::size_t model) {
        return use.rows.of_model(all, model).narrow(1, column, width);
      };
      for_each_target(layer.weight, [&](std::size_t model, const at::Tensor& gradient, Accumulate accumulate) {
        matmul(own(factor, model).t(), use.rows.of_model(input, model), gradient, accumulate);
      });
      for_each_target(layer.bias, [&](std::size_t model, const at::Tensor& gradient, Accumulate accumulate) {
        put_gradient(gradient, own(use.output_gradient, model).sum(0), accumulate);
      });
      column += width;
    }
  }
}

void TrainingSink::on_layer_norm(const LayerNormParameters& parameters, std::span<const LayerNormFactors> uses) {
  for (const LayerNormFactors& use : uses) {
    for (std::size_t model = 0; model < models_.size(); ++model) {
      TrainableParameters& trained = *models_[model];
      if (!trained.is_trained(parameters.weight) && !trained.is_trained(parameters.bias)) continue;
      const auto own = [&](const at::Tensor& all) { return use.rows.of_model(all, model); };
      const LayerNormActivations& saved = use.activations;
      const auto [weight, bias] = layer_norm_parameter_gradients(own(use.output_gradient),
                                                                 {own(saved.input), own(saved.mean), own(saved.rstd)});
      for (const auto& [parameter, computed] : {std::pair(parameters.weight, weight), {parameters.bias, bias}}) {
        if (!trained.is_trained(parameter)) continue;
        const auto [gradient, accumulate] = trained.next_target(parameter);
        put_gradient(gradient, computed, accumulate);
      }
    }
  }
}

void TrainingSink::on_embedding(ParameterIndex table, std::span<const EmbeddingFactors> uses) {
  for (const EmbeddingFactors& use : uses) {
    for_each_target(table, [&](std::size_t model, const at::Tensor& gradient, Accumulate accumulate) {
      if (accumulate == Accumulate::kNo) gradient.zero_();
      gradient.index_add_(0, use.rows.of_model(use.ids, model), use.rows.of_model(use.output_gradient, model));
    });
  }
}

void TrainingSink::on_head(const LinearParameters& parameters, const HeadFactors& use) {
  for_each_target(parameters.weight, [&](std::size_t model, const at::Tensor& gradient, Accumulate accumulate) {
    matmul(use.output_gradients[model].t(), use.rows.of_model(use.input, model), gradient, accumulate);
  });
  for_each_target(parameters.bias, [&](std::size_t model, const at::Tensor& gradient, Accumulate accumulate) {
    put_gradient(gradient, use.output_gradients[model].sum(0), accumulate);
  });
}

}  // namespace tunescope
