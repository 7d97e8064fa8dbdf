#include "tunescope/train/training_sink.hpp"

#include <algorithm>
#include <numeric>

#include "tunescope/kernels/embedding_gradient.hpp"
#include "tunescope/kernels/layer_norm.hpp"
#include "tunescope/kernels/linear.hpp"
#include "tunescope/kernels/matmul.hpp"
#include "tunescope/kernels/products/grouped_product.hpp"

namespace tunescope {

namespace {

// dW = dyᵀ x. In a convolution of several groups each reads columns of its own.
void add_products(const at::Tensor& output_gradient, const at::Tensor& input, const GradientTarget& target) {
  const at::Tensor gradient = target.gradient.flatten(1);
  const std::int64_t width = gradient.size(1);
  const std::int64_t groups = input.size(1) / width;
  const std::int64_t outputs = gradient.size(0) / groups;
  for (std::int64_t group = 0; group < groups; ++group) {
    matmul(output_gradient.narrow(1, group * outputs, outputs).t(), input.narrow(1, group * width, width),
           gradient.narrow(0, group * outputs, outputs), target.accumulate);
  }
}

}  // namespace

bool TrainingSink::any_needs(ParameterIndex parameter) const {
  return std::ranges::any_of(models_, [&](const TrainableParameters* model) { return model->is_trained(parameter); });
}

std::vector<GradientTarget> TrainingSink::targets_of(ParameterIndex parameter) const {
  std::vector<GradientTarget> targets;
  for (TrainableParameters* model : models_) {
    targets.push_back(model->is_trained(parameter) ? model->next_target(parameter) : GradientTarget{});
  }
  return targets;
}

// The targets of several tensors as one, if each model's lie one after another in memory: those of weights of one input
// do if they train whole.
std::optional<std::vector<GradientTarget>> TrainingSink::join(
    const std::vector<std::vector<GradientTarget>>& of_tensors) {
  std::vector<GradientTarget> joined = of_tensors.front();
  for (std::size_t model = 0; model < joined.size(); ++model) {
    const GradientTarget& first = of_tensors.front()[model];
    std::vector<std::int64_t> sizes =
        first.gradient.defined() ? first.gradient.sizes().vec() : std::vector<std::int64_t>();
    std::int64_t end = first.gradient.defined() ? first.gradient.storage_offset() + first.gradient.numel() : 0;
    for (std::size_t tensor = 1; tensor < of_tensors.size(); ++tensor) {
      const auto& [gradient, accumulate] = of_tensors[tensor][model];
      if (gradient.defined() != first.gradient.defined()) return std::nullopt;
      if (!gradient.defined()) continue;
      const bool follows = gradient.is_alias_of(first.gradient) && gradient.storage_offset() == end;
      if (!follows || accumulate != first.accumulate) return std::nullopt;
      sizes.front() += gradient.size(0);
      end += gradient.numel();
    }
    if (first.gradient.defined()) joined[model].gradient = first.gradient.as_strided(sizes, first.gradient.strides());
  }
  return joined;
}

// Calls `compute` with the columns of the layers' outputs and the targets of these columns: once, if the targets are
// one, else for each layer. `tensor_of` tells the weight or the bias of a layer.
template <typename TensorOf, typename Compute>
void TrainingSink::for_each_columns(std::span<const LinearParameters> layers, TensorOf tensor_of, Compute compute) {
  std::vector<std::int64_t> widths;
  std::vector<std::vector<GradientTarget>> targets;
  for (const LinearParameters& layer : layers) {
    widths.push_back(layer.outputs(models_.front()->shape(layer.weight)));
    targets.push_back(targets_of(tensor_of(layer)));
  }
  if (const auto joined = join(targets)) {
    compute(0, std::accumulate(widths.begin(), widths.end(), std::int64_t{0}), *joined);
    return;
  }
  std::int64_t column = 0;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    if (any_needs(tensor_of(layers[i]))) compute(column, widths[i], targets[i]);
    column += widths[i];
  }
}

void TrainingSink::on_linear(std::span<const LinearParameters> layers, std::span<const LinearFactors> uses) {
  const auto weight_of = [](const LinearParameters& layer) { return layer.weight; };
  const auto bias_of = [](const LinearParameters& layer) { return *layer.bias; };
  const bool trains_weights = std::ranges::any_of(layers, [&](const auto& layer) { return any_needs(layer.weight); });
  const bool trains_biases =
      std::ranges::any_of(layers, [&](const auto& layer) { return layer.bias && any_needs(*layer.bias); });
  const bool is_in_out = layers.front().layout == WeightLayout::kInOut;
  for (const LinearFactors& use : uses) {
    if (trains_weights) {
      const at::Tensor factor = TypedResult{use.output_gradient, use.bfloat16_gradient}.operand();
      for_each_columns(layers, weight_of, [&](std::int64_t column, std::int64_t width, const auto& targets) {
        for (std::size_t model = 0; model < models_.size(); ++model) {
          if (!targets[model].gradient.defined()) continue;
          const at::Tensor of_outputs = use.rows.of_model(factor, model).narrow(1, column, width);
          const at::Tensor input = use.rows.of_model(use.input, model);
          if (is_in_out) {
            matmul(input.t(), of_outputs, targets[model].gradient, targets[model].accumulate);
          } else {
            add_products(of_outputs, input, targets[model]);
          }
        }
      });
    }
    if (trains_biases) {
      for_each_columns(layers, bias_of, [&](std::int64_t column, std::int64_t width, const auto& targets) {
        bias_gradients(use.output_gradient.narrow(1, column, width), use.rows, targets);
      });
    }
  }
}

void TrainingSink::on_layer_norm(const LayerNormParameters& parameters, std::span<const LayerNormFactors> uses) {
  for (const LayerNormFactors& use : uses) {
    const std::vector<GradientTarget> weights = targets_of(parameters.weight);
    const std::vector<GradientTarget> biases = targets_of(parameters.bias);
    std::vector<LayerNormTargets> targets;
    for (std::size_t model = 0; model < models_.size(); ++model) targets.push_back({weights[model], biases[model]});
    layer_norm_parameter_gradients(use.output_gradient, use.activations, use.rows, targets);
  }
}

void TrainingSink::on_embedding(ParameterIndex table, std::span<const EmbeddingFactors> uses) {
  for (const EmbeddingFactors& use : uses) {
    embedding_gradients(use.output_gradient, use.ids, use.rows.model_offsets.host, targets_of(table));
  }
}

void TrainingSink::on_head(const LinearParameters& parameters, const HeadFactors& use) {
  std::vector<HeadTargets> targets(models_.size());
  for (std::size_t model = 0; model < models_.size(); ++model) {
    if (!use.output_gradients[model].defined()) continue;
    TrainableParameters& trained = *models_[model];
    if (trained.is_trained(parameters.weight)) targets[model].weight = trained.next_target(parameters.weight);
    if (parameters.bias && trained.is_trained(*parameters.bias)) {
      targets[model].bias = trained.next_target(*parameters.bias);
    }
  }
  head_parameter_gradients(use.output_gradients, use.input, use.rows, targets);
}

// The gradients of several uses of a tensor have one result, so they are no group.
void TrainingSink::on_added(std::span<const AddedFactors> tensors) {
  std::size_t most_uses = 0;
  for (const AddedFactors& added : tensors) most_uses = std::max(most_uses, added.uses.size());
  for (std::size_t number = 0; number < most_uses; ++number) {
    std::vector<GroupedProduct> products;
    std::vector<VectorGradient> vectors;
    for (const auto& [model, tensor, uses] : tensors) {
      if (number >= uses.size()) continue;
      const LinearFactors& use = uses[number];
      const GradientTarget target = models_[model]->next_target(tensor);
      if (target.gradient.dim() == 1) {
        vectors.push_back({use.output_gradient, use.input, target});
      } else {
        const at::Tensor factor = TypedResult{use.output_gradient, use.bfloat16_gradient}.operand();
        products.push_back({.a = factor.t(), .b = use.input, .c = target.gradient, .accumulate = target.accumulate});
      }
    }
    grouped_product(products);
    vector_gradients(vectors);
  }
}

}  // namespace tunescope
