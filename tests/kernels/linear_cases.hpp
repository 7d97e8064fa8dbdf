#pragma once

#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <array>
#include <vector>

#include "kernels/kernel_cases.hpp"
#include "tunescope/kernels/embedding_gradient.hpp"
#include "tunescope/kernels/linear.hpp"
#include "tunescope/kernels/products/grouped_product.hpp"

namespace tunescope::test {

// The kernels of linear layers and embedding tables; see `kernel_cases.hpp`. Of every three models, the second has no
// target and the third accumulates.

inline Accumulate accumulate_of(std::size_t model) { return model % 3 == 2 ? Accumulate::kYes : Accumulate::kNo; }

inline GradientTarget target_of(const Arguments& a, std::size_t model, at::IntArrayRef sizes) {
  return {model % 3 == 1 ? at::Tensor() : a.numbers(sizes), accumulate_of(model)};
}

inline std::vector<GradientTarget> targets_of(const Arguments& a, at::IntArrayRef sizes) {
  std::vector<GradientTarget> targets;
  for (std::size_t model = 0; model < a.rows().model_count(); ++model) targets.push_back(target_of(a, model, sizes));
  return targets;
}

inline void append_to(Tensors& all, const GradientTarget& target) {
  if (target.gradient.defined()) all.push_back(target.gradient);
}

inline Tensors run_fill_with_bias(const Arguments& a) {
  Tensors all;
  for (const std::size_t layers : {1, 3, 5}) {
    std::vector<PerModelTensors> biases;
    for (std::size_t layer = 0; layer < layers; ++layer) biases.push_back(a.for_each_model({a.width()}));
    all.push_back(a.of_rows(static_cast<std::int64_t>(layers) * a.width()));
    fill_with_bias(all.back(), biases, a.rows());
  }
  return all;
}

// Of every three models, one has no vector for some columns.
inline Tensors run_multiply_rows(const Arguments& a) {
  Tensors all;
  for (const std::size_t parts : {1, 3, 5}) {
    std::vector<ScaledColumns> columns;
    for (std::size_t part = 0; part < parts; ++part) {
      columns.push_back({a.width(), a.for_each_model({a.width()})});
      for (std::size_t model = part % 3; model < a.rows().model_count(); model += 3)
        columns.back().vectors[model].reset();
    }
    const at::Tensor input = a.of_rows(static_cast<std::int64_t>(parts) * a.width());
    all.push_back(at::zeros_like(input));
    multiply_rows(input, columns, a.rows(), all.back());
    multiply_rows(input, columns, a.rows(), input);
    all.push_back(input);
  }
  return all;
}

// Of vectors that were added and of such that rows were multiplied by, of two widths.
inline Tensors run_vector_gradients(const Arguments& a) {
  const at::Tensor gradient = a.of_rows(a.width());
  const at::Tensor wide = a.of_rows(3 * a.width()).narrow(1, a.width(), a.width());
  Tensors all;
  for (const bool are_alike : {true, false}) {
    std::vector<VectorGradient> gradients;
    for (std::size_t model = 0; model < a.rows().model_count(); ++model) {
      const std::int64_t width = are_alike ? a.width() : 1 + a.width() / 2;
      const auto own = [&](const at::Tensor& of_all) { return a.rows().of_model(of_all, model); };
      all.push_back(a.numbers({a.width()}));
      gradients.push_back({own(wide), own(gradient), {all.back(), accumulate_of(model)}});
      all.push_back(a.numbers({width}));
      gradients.push_back({own(wide).narrow(1, 0, width), {}, {all.back(), accumulate_of(model)}});
    }
    vector_gradients(gradients);
  }
  return all;
}

inline Tensors run_embedding_gradients(const Arguments& a) {
  Tensors all;
  const std::vector<std::int64_t> models = [&] {
    std::vector<std::int64_t> of_rows;
    for (const std::int64_t sequence : a.rows().row_sequences.host)
      of_rows.push_back(a.rows().sequence_models[static_cast<std::size_t>(sequence)]);
    return of_rows;
  }();
  for (const std::int64_t table_size : {2, 40}) {
    const BatchLayout layout = a.layout_of_ids(table_size, models);
    const std::vector<GradientTarget> targets = targets_of(a, {table_size, a.width()});
    embedding_gradients(a.of_rows(a.width()), layout.ids().front(), a.rows().model_offsets.host, targets);
    for (const GradientTarget& target : targets) append_to(all, target);
  }
  return all;
}

// Heads with 1, 2, 3 and 32 outputs.
struct HeadArguments {
  explicit HeadArguments(const Arguments& a) : rows(a.layout.sequences()) {
    constexpr std::array<std::int64_t, 4> kOutputs = {2, 3, 1, 32};
    for (std::size_t model = 0; model < rows.model_count(); ++model) {
      const std::int64_t outputs = kOutputs[model % kOutputs.size()];
      weight.push_back(a.numbers({outputs, a.width()}));
      bias.push_back(model % 4 == 3 ? at::Tensor() : a.numbers({outputs}));
      gradients.push_back(model % 5 == 3
                              ? at::Tensor()
                              : a.numbers({rows.model_offsets[model + 1] - rows.model_offsets[model], outputs}));
      targets.push_back({target_of(a, model + 1, {outputs, a.width()}), target_of(a, model + 2, {outputs})});
    }
    input = a.numbers({rows.row_count(), a.width()});
  }

  const RowLayout& rows;
  PerModelTensors weight, bias;
  std::vector<at::Tensor> gradients;
  std::vector<HeadTargets> targets;
  at::Tensor input;
};

inline Tensors run_head_logits(const Arguments& a) {
  const HeadArguments head(a);
  return head_logits(head.input, head.weight, head.bias, head.rows);
}

inline Tensors run_head_input_gradient(const Arguments& a) {
  const HeadArguments head(a);
  return {head_input_gradient(head.gradients, head.weight, head.rows)};
}

inline Tensors run_head_parameter_gradients(const Arguments& a) {
  const HeadArguments head(a);
  head_parameter_gradients(head.gradients, head.input, head.rows, head.targets);
  Tensors all;
  for (const auto& [weight, bias] : head.targets) {
    append_to(all, weight);
    append_to(all, bias);
  }
  return all;
}

// Matrices of low rank, which differs from model to model: x Aᵀ, dy += h A and dA = hᵀ x.
inline Tensors run_grouped_product(const Arguments& a) {
  constexpr std::array<std::int64_t, 4> kRanks = {8, 1, 3, 16};
  const at::Tensor input = a.of_rows(a.width());
  const at::Tensor hidden = a.of_rows(kRanks.back());
  const at::Tensor gradient = a.of_rows(2 * a.width());
  Tensors all = {hidden, gradient};
  std::vector<GroupedProduct> down, up, of_down;
  for (std::size_t model = 0; model < a.rows().model_count(); ++model) {
    const std::int64_t rank = kRanks[model % kRanks.size()];
    const auto own = [&](const at::Tensor& rows) { return a.rows().of_model(rows, model); };
    const at::Tensor matrix = a.numbers({rank, a.width()});
    const at::Tensor of_hidden = a.numbers({own(input).size(0), rank});
    down.push_back({own(input), matrix.t(), own(hidden).narrow(1, 0, rank), 0.5});
    up.push_back({of_hidden, matrix, own(gradient).narrow(1, a.width(), a.width()), 2.0, Accumulate::kYes});
    all.push_back(a.numbers({rank, a.width()}));
    of_down.push_back({of_hidden.t(), own(input), all.back(), 1.0, accumulate_of(model)});
  }
  for (const std::vector<GroupedProduct>& products : {down, up, of_down}) grouped_product(products);
  return all;
}

inline const std::vector<KernelCase> kLinearKernels = {
    {"embedding_gradients", run_embedding_gradients},
    {"fill_with_bias", run_fill_with_bias},
    {"grouped_product", run_grouped_product},
    {"head_input_gradient", run_head_input_gradient},
    {"head_logits", run_head_logits},
    {"head_parameter_gradients", run_head_parameter_gradients},
    {"multiply_rows", run_multiply_rows},
    {"vector_gradients", run_vector_gradients},
};

}  // namespace tunescope::test
