#pragma once

#include <ATen/ops/full.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>

#include <array>
#include <functional>
#include <string>
#include <vector>

#include "support/layouts.hpp"
#include "tunescope/kernels/activation.hpp"
#include "tunescope/kernels/attention.hpp"
#include "tunescope/kernels/layer_norm.hpp"
#include "tunescope/kernels/matmul.hpp"
#include "tunescope/kernels/per_example_squares.hpp"

namespace tunescope::test {

// Each kernel as a function of a shape, for comparing one backend's results with another's.

struct Shape {
  std::string name;
  std::vector<std::vector<std::int64_t>> lengths_by_model;
  std::int64_t heads = 1;
  std::int64_t head_width = 1;
};

// Every fourth model has no rows.
inline std::vector<std::vector<std::int64_t>> many_models(std::size_t count) {
  std::vector<std::vector<std::int64_t>> lengths;
  for (std::size_t model = 0; model < count; ++model) lengths.emplace_back((model + 1) % 4, 1 + model % 3);
  return lengths;
}

inline const std::vector<Shape> kShapes = {
    {"one_row", {{1}}, 1, 6},
    {"one_token_each", {{1, 1, 1}, {1}}, 3, 5},
    {"no_multiple_of_a_vector", {{5, 1, 8}, {3, 17}}, 3, 7},
    {"empty_models", {{}, {4, 2}, {}, {9}}, 2, 4},
    {"lengths_1_to_512", {{512, 1, 64}, {33}}, 4, 32},
    {"lengths_63_to_511", {{63, 64, 65}, {2}, {511}}, 1, 64},
    {"lengths_up_to_32", {{32, 5}, {17}}, 2, 32},
    {"sixteen_models",
     {{11, 3}, {1}, {16}, {}, {2, 2}, {7}, {5}, {9}, {4}, {13}, {8}, {6}, {1}, {10}, {15}, {14}},
     2,
     64},
    {"wide_heads", {{40, 3}}, 2, 97},
    {"more_models_than_a_launch_takes", many_models(35), 2, 4},
};

// For kernels that work on rows, in ways that depend on the width: more widths, models and lengths.
inline const std::vector<Shape> kRowShapes = {
    {"three_models_384_wide", {{63, 2}, {65}, {1}}, 1, 384},
    {"sixteen_models_1024_wide",
     {{2}, {1, 3}, {}, {9}, {2}, {1}, {1}, {4}, {1}, {1}, {}, {2}, {1}, {7}, {1}, {1}},
     1,
     1024},
    {"768_wide", {{30}, {2, 5}}, 1, 768},
    {"1536_wide", {{2, 9}, {11}}, 1, 1536},
    {"300_wide", {{4}, {3}}, 1, 300},
    {"1100_wide", {{4}, {3, 1}}, 1, 1100},
    {"long_sequences", {{511, 1, 512}}, 1, 21},
    {"forty_models", std::vector<std::vector<std::int64_t>>(40, {2, 1}), 1, 5},
};

struct Setting {
  at::Device device = at::kCPU;
  at::ScalarType type = at::kFloat;
  double dropout = 0.0;
};

// The arguments of a kernel: drawn on the CPU from the same seed for every backend.
class Arguments {
 public:
  Arguments(const Shape& shape, const Setting& setting)
      : shape(shape), setting(setting), layout(layout_of(shape.lengths_by_model, setting.device)) {
    at::manual_seed(11);
  }

  std::int64_t width() const { return shape.heads * shape.head_width; }
  Dropout dropout() const { return {.probability = setting.dropout, .site = 5}; }
  const RowLayout& rows() const { return layout.tokens(); }
  at::Tensor numbers(at::IntArrayRef sizes) const { return at::randn(sizes).to(setting.type).to(setting.device); }
  at::Tensor of_rows(std::int64_t columns) const { return numbers({rows().row_count(), columns}); }
  at::Tensor ids(std::int64_t below) const {
    return at::randint(below, {rows().row_count()}, at::TensorOptions(at::kLong)).to(setting.device);
  }
  /// Drawn ids of the rows, with an order of these groups.
  BatchLayout layout_of_ids(std::int64_t below, const std::vector<std::int64_t>& groups) const {
    const at::Tensor drawn = ids(below).cpu();
    const auto* const first = drawn.const_data_ptr<std::int64_t>();
    return test::layout_of_ids({first, first + drawn.numel()}, groups, setting.device);
  }
  PerModelTensors for_each_model(at::IntArrayRef sizes) const {
    PerModelTensors tensors;
    for (std::size_t model = 0; model < rows().model_count(); ++model) tensors.push_back(numbers(sizes));
    return tensors;
  }
  LayerNormWeights layer_norm() const { return {for_each_model({width()}), for_each_model({width()}), 1e-5}; }

  Shape shape;
  Setting setting;
  BatchLayout layout;
};

using Tensors = std::vector<at::Tensor>;

inline Tensors run_attention(const Arguments& a, const AttentionLayout& layout, bool is_backward) {
  const RowLayout& queries = layout.queries;
  // The rows of query, key and value are columns of a wider tensor, and so are those of their gradients.
  const std::int64_t count = queries.row_count();
  const auto columns = [&a](const at::Tensor& query, const at::Tensor& all) {
    return AttentionInputs{query.narrow(1, 0, a.width()), all.narrow(1, a.width(), 2 * a.width())};
  };
  const AttentionInputs inputs = columns(a.numbers({count, 2 * a.width()}), a.of_rows(3 * a.width()));
  const at::Tensor gradient = a.numbers({count, a.width()});
  const at::Tensor rounded = a.numbers({count, a.width()}).to(at::kBFloat16);
  const AttentionOutput output = attention(inputs, layout, a.dropout(), rounded);
  if (!is_backward) return {output.context, rounded.sub(output.context.to(at::kBFloat16))};
  const AttentionInputs of_inputs = columns(a.numbers({count, 2 * a.width()}), a.of_rows(3 * a.width()));
  const AttentionInputs of_inputs_rounded{of_inputs.query.to(at::kBFloat16), of_inputs.key_value.to(at::kBFloat16)};
  attention_backward(gradient, output.saved, layout, a.dropout(), {of_inputs, of_inputs_rounded});
  return {of_inputs.query, of_inputs.key_value, of_inputs_rounded.query.sub(of_inputs.query.to(at::kBFloat16)),
          of_inputs_rounded.key_value.sub(of_inputs.key_value.to(at::kBFloat16))};
}

inline Tensors both_queries(const Arguments& a, bool is_backward) {
  Tensors all;
  for (const RowLayout* queries : {&a.layout.tokens(), &a.layout.sequences()}) {
    const AttentionLayout plain{*queries, a.rows(), a.shape.heads};
    const AttentionLayout causal{*queries, a.rows(), a.shape.heads, true, 0.25};
    for (const AttentionLayout& layout : {plain, causal}) {
      for (at::Tensor& tensor : run_attention(a, layout, is_backward)) all.push_back(std::move(tensor));
    }
  }
  return all;
}

inline Tensors run_activations(const Arguments& a, bool is_backward) {
  Tensors all;
  for (const Activation activation :
       {Activation::kGelu, Activation::kGeluTanh, Activation::kRelu, Activation::kSilu, Activation::kTanh}) {
    const at::Tensor values = a.of_rows(a.width());
    const at::Tensor gradient = a.of_rows(a.width());
    all.push_back(is_backward ? activation_backward(activation, values, gradient).own
                              : bias_activation(activation, values, a.for_each_model({a.width()}), a.rows()).own);
    all.push_back(values);  // with the bias
  }
  return all;
}

inline Tensors run_residual_layer_norm(const Arguments& a, bool is_backward) {
  const PerModelTensors bias = a.for_each_model({a.width()});
  const at::Tensor residual = a.of_rows(a.width());
  const LayerNormWeights weights = a.layer_norm();
  LayerNormActivations saved;
  saved.input = a.of_rows(a.width());
  const at::Tensor gradient = a.of_rows(a.width());
  const at::Tensor of_output = a.of_rows(1).squeeze(1);
  const at::Tensor of_term = a.of_rows(1).squeeze(1);
  const at::Tensor output =
      residual_layer_norm({bias, residual}, weights, a.rows(), a.dropout(), saved,
                          {.bfloat16 = {}, .output_squares = of_output, .branch_squares = of_term});
  if (!is_backward) return {output, saved.input, saved.mean, saved.rstd, of_output, of_term};
  Tensors all;
  for (const at::Tensor& of_sum : {at::Tensor(), a.of_rows(a.width())}) {
    const auto [of_residual, of_branch] =
        residual_layer_norm_backward({gradient, of_sum}, weights.weight, a.rows(), a.dropout(), saved,
                                     {.branch_bfloat16 = {}, .output_squares = of_output, .residual_squares = of_term});
    all.insert(all.end(), {of_residual, of_branch, of_output.clone(), of_term.clone()});
  }
  return all;
}

// For each model both gradients, one or none, overwritten or added to.
inline Tensors run_layer_norm_parameters(const Arguments& a) {
  LayerNormActivations saved;
  saved.input = a.of_rows(a.width());
  residual_layer_norm({a.for_each_model({a.width()}), a.of_rows(a.width())}, a.layer_norm(), a.rows(), {}, saved);
  Tensors all;
  std::vector<LayerNormTargets> targets;
  const auto add_target = [&](bool is_wanted, bool is_added) {
    all.push_back(a.numbers({a.width()}));
    return GradientTarget{is_wanted ? all.back() : at::Tensor(), is_added ? Accumulate::kYes : Accumulate::kNo};
  };
  for (std::size_t model = 0; model < a.rows().model_count(); ++model) {
    targets.push_back({add_target(model % 5 != 3, model % 2 == 1), add_target(model % 5 < 3, model % 3 == 1)});
  }
  layer_norm_parameter_gradients(a.of_rows(a.width()), saved, a.rows(), targets);
  return all;
}

inline Tensors run_embedding_layer_norm(const Arguments& a) {
  const at::Tensor words = a.ids(30);
  const at::Tensor types = a.ids(2);
  const std::array tables = {EmbeddingLookup{a.for_each_model({30, a.width()}), words},
                             EmbeddingLookup{a.for_each_model({2, a.width()}), types}};
  Tensors all;
  for (const EmbeddingDropout& dropout : {EmbeddingDropout{.of_sum = a.dropout()}, {.of_output = a.dropout()}}) {
    LayerNormActivations saved;
    const at::Tensor squares = a.of_rows(1).squeeze(1);
    const at::Tensor output = embedding_layer_norm(tables, a.layer_norm(), a.rows(), dropout, saved,
                                                   {.bfloat16 = {}, .output_squares = squares, .branch_squares = {}});
    all.insert(all.end(), {output, saved.input, saved.mean, saved.rstd, squares});
  }
  return all;
}

inline Tensors run_matmul(const Arguments& a) {
  Tensors all;
  for (const Accumulate accumulate : {Accumulate::kNo, Accumulate::kYes}) {
    const at::Tensor left = a.of_rows(a.width());
    const at::Tensor right = a.numbers({3 * a.width(), a.width()}).t();
    all.push_back(a.of_rows(3 * a.width()));
    matmul(left, right, all.back(), accumulate);
  }
  return all;
}

inline SquaredSums no_squares(const Arguments& a, std::int64_t outputs, at::IntArrayRef weight) {
  const at::TensorOptions options = at::TensorOptions(at::kDouble).device(a.setting.device);
  return {at::zeros(weight, options), at::zeros({outputs}, options), outputs};
}

inline Tensors run_squared_products(const Arguments& a) {
  const std::array layers = {no_squares(a, a.width(), {a.width(), 2 * a.width()}),
                             no_squares(a, 5, {5, 2 * a.width()})};
  const at::Tensor gradients = a.of_rows(a.width() + 5);
  add_squared_products(layers, gradients, a.of_rows(2 * a.width()), {a.rows().sequence_offsets});
  return {layers[0].weight, layers[0].bias, layers[1].weight, layers[1].bias};
}

inline Tensors run_squared_layer_norm(const Arguments& a) {
  const SquaredSums sums = no_squares(a, a.width(), {a.width()});
  const at::Tensor gradient = a.of_rows(a.width());
  const LayerNormActivations saved{a.of_rows(a.width()), a.of_rows(1), a.of_rows(1)};
  add_squared_layer_norm(sums, gradient, saved, {a.rows().sequence_offsets, 2});
  return {sums.weight, sums.bias};
}

inline Tensors run_squared_scatters(const Arguments& a) {
  constexpr std::int64_t kSequencesPerGroup = 2;
  std::vector<std::int64_t> groups(a.rows().row_sequences.host.begin(), a.rows().row_sequences.host.end());
  for (std::int64_t& group : groups) group /= kSequencesPerGroup;
  Tensors all;
  for (const std::int64_t table_size : {2, 40}) {
    const BatchLayout layout = a.layout_of_ids(table_size, groups);
    const at::TensorOptions options = at::TensorOptions(at::kDouble).device(a.setting.device);
    all.push_back(at::full({table_size, a.width()}, 0.25, options));
    add_squared_scatters(all.back(), layout.ids().front(), a.of_rows(a.width()),
                         {a.rows().sequence_offsets, kSequencesPerGroup});
  }
  return all;
}

inline Tensors run_dropout(const Arguments& a) {
  const at::Tensor values = a.of_rows(a.width());
  apply_dropout_(values, a.rows(), a.dropout());
  return {values};
}

struct KernelCase {
  std::string name;
  std::function<Tensors(const Arguments&)> run;
  bool has_dropout = false;
  std::vector<Shape> more_shapes = {};
};

inline const std::vector<KernelCase> kKernels = {
    {"activation_backward", [](const Arguments& a) { return run_activations(a, true); }},
    {"add_squared_products", run_squared_products},
    {"add_squared_scatters", run_squared_scatters, false, kRowShapes},
    {"add_squared_layer_norm", run_squared_layer_norm},
    {"apply_dropout", run_dropout, true},
    {"attention", [](const Arguments& a) { return both_queries(a, false); }, true},
    {"attention_backward", [](const Arguments& a) { return both_queries(a, true); }, true},
    {"bias_activation", [](const Arguments& a) { return run_activations(a, false); }},
    {"embedding_layer_norm", run_embedding_layer_norm, true, kRowShapes},
    {"layer_norm_parameter_gradients", run_layer_norm_parameters, false, kRowShapes},
    {"matmul", run_matmul},
    {"residual_layer_norm", [](const Arguments& a) { return run_residual_layer_norm(a, false); }, true, kRowShapes},
    {"residual_layer_norm_backward", [](const Arguments& a) { return run_residual_layer_norm(a, true); }, true,
     kRowShapes},
};

}  // namespace tunescope::test
