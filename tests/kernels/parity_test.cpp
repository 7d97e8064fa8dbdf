// Every kernel of every backend against the reference: the same function, run with and without `ReferenceKernels`.

#include <ATen/Context.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <fstream>
#include <functional>
#include <iostream>
#include <optional>
#include <sstream>
#include <string>
#include <tuple>
#include <vector>

#include "support/layouts.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/device/device.hpp"
#include "tunescope/kernels/activation.hpp"
#include "tunescope/kernels/adamw.hpp"
#include "tunescope/kernels/attention.hpp"
#include "tunescope/kernels/layer_norm.hpp"
#include "tunescope/kernels/matmul.hpp"
#include "tunescope/kernels/per_example_squares.hpp"
#include "tunescope/kernels/reference_kernels.hpp"

namespace tunescope {
namespace {

struct Shape {
  std::string name;
  std::vector<std::vector<std::int64_t>> lengths_by_model;
  std::int64_t heads = 1;
  std::int64_t head_width = 1;
};

const std::vector<Shape> kShapes = {
    {"one_row", {{1}}, 1, 6},
    {"one_token_each", {{1, 1, 1}, {1}}, 3, 5},
    {"no_multiple_of_a_vector", {{5, 1, 8}, {3, 17}}, 3, 7},
    {"empty_models", {{}, {4, 2}, {}, {9}}, 2, 4},
    {"lengths_1_to_512", {{512, 1, 64}, {33}}, 4, 32},
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
      : shape(shape), setting(setting), layout(test::layout_of(shape.lengths_by_model, setting.device)) {
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
  PerModelTensors for_each_model(at::IntArrayRef sizes) const {
    PerModelTensors tensors;
    for (std::size_t model = 0; model < rows().model_count(); ++model) tensors.push_back(numbers(sizes));
    return tensors;
  }
  LayerNormWeights layer_norm() const { return {for_each_model({width()}), for_each_model({width()}), 1e-5}; }

  const Shape& shape;
  const Setting& setting;
  BatchLayout layout;
};

using Tensors = std::vector<at::Tensor>;

Tensors run_attention(const Arguments& a, const RowLayout& queries, bool is_backward) {
  // The rows of key and value are not contiguous, as if they were columns of a wider tensor.
  const AttentionInputs inputs{a.numbers({queries.row_count(), a.width()}),
                               a.of_rows(3 * a.width()).narrow(1, a.width(), 2 * a.width())};
  const at::Tensor gradient = a.numbers({queries.row_count(), a.width()});
  const AttentionLayout layout{queries, a.rows(), a.shape.heads};
  const AttentionOutput output = attention(inputs, layout, a.dropout());
  if (!is_backward) return {output.context, output.probabilities};
  const AttentionInputs gradients = attention_backward(gradient, output.probabilities, inputs, layout, a.dropout());
  return {gradients.query, gradients.key_value};
}

Tensors both_queries(const Arguments& a, bool is_backward) {
  Tensors all = run_attention(a, a.layout.tokens(), is_backward);
  for (at::Tensor& tensor : run_attention(a, a.layout.sequences(), is_backward)) all.push_back(std::move(tensor));
  return all;
}

Tensors run_activations(const Arguments& a, bool is_backward) {
  Tensors all;
  for (const Activation activation :
       {Activation::kGelu, Activation::kGeluTanh, Activation::kRelu, Activation::kSilu, Activation::kTanh}) {
    const at::Tensor values = a.of_rows(a.width());
    const at::Tensor gradient = a.of_rows(a.width());
    all.push_back(is_backward ? activation_backward(activation, values, gradient)
                              : bias_activation(activation, values, a.for_each_model({a.width()}), a.rows()));
    all.push_back(values);  // with the bias
  }
  return all;
}

Tensors run_residual_layer_norm(const Arguments& a, bool is_backward) {
  const PerModelTensors bias = a.for_each_model({a.width()});
  const at::Tensor residual = a.of_rows(a.width());
  const LayerNormWeights weights = a.layer_norm();
  LayerNormActivations saved;
  saved.input = a.of_rows(a.width());
  const at::Tensor gradient = a.of_rows(a.width());
  const at::Tensor output = residual_layer_norm({bias, residual}, weights, a.rows(), a.dropout(), saved);
  if (!is_backward) return {output, saved.input, saved.mean, saved.rstd};
  const auto [of_residual, of_branch] =
      residual_layer_norm_backward(gradient, weights.weight, a.rows(), a.dropout(), saved);
  return {of_residual, of_branch};
}

Tensors run_layer_norm_parameters(const Arguments& a) {
  const PerModelTensors bias = a.for_each_model({a.width()});
  const at::Tensor residual = a.of_rows(a.width());
  LayerNormActivations saved;
  saved.input = a.of_rows(a.width());
  residual_layer_norm({bias, residual}, a.layer_norm(), a.rows(), a.dropout(), saved);
  const auto [of_weight, of_bias] = layer_norm_parameter_gradients(a.of_rows(a.width()), saved);
  return {of_weight, of_bias};
}

Tensors run_embedding_layer_norm(const Arguments& a) {
  const at::Tensor words = a.ids(30);
  const at::Tensor types = a.ids(2);
  const std::array tables = {EmbeddingLookup{a.for_each_model({30, a.width()}), words},
                             EmbeddingLookup{a.for_each_model({2, a.width()}), types}};
  LayerNormActivations saved;
  const at::Tensor output = embedding_layer_norm(tables, a.layer_norm(), a.rows(), a.dropout(), saved);
  return {output, saved.input, saved.mean, saved.rstd};
}

Tensors run_matmul(const Arguments& a) {
  Tensors all;
  for (const Accumulate accumulate : {Accumulate::kNo, Accumulate::kYes}) {
    const at::Tensor left = a.of_rows(a.width());
    const at::Tensor right = a.numbers({3 * a.width(), a.width()}).t();
    all.push_back(a.of_rows(3 * a.width()));
    matmul(left, right, all.back(), accumulate);
  }
  return all;
}

Tensors run_squared_products(const Arguments& a) {
  const at::Tensor gradients = a.of_rows(a.width());
  const at::Tensor inputs = a.of_rows(2 * a.width());
  const at::Tensor sums =
      at::zeros({a.width(), 2 * a.width()}, at::TensorOptions(at::kDouble).device(a.setting.device));
  add_squared_products(sums, gradients, inputs, a.rows().sequence_offsets.host);
  return {sums};
}

Tensors run_squared_sums(const Arguments& a) {
  const at::Tensor rows = a.of_rows(a.width());
  const at::Tensor sums = at::zeros({a.width()}, at::TensorOptions(at::kDouble).device(a.setting.device));
  add_squared_sums(sums, rows, a.rows().sequence_offsets.host);
  return {sums};
}

Tensors run_squared_scatters(const Arguments& a) {
  const at::Tensor ids = a.ids(7);
  const at::Tensor groups = a.ids(4);
  const at::Tensor sums = at::zeros({7, a.width()}, at::TensorOptions(at::kDouble).device(a.setting.device));
  add_squared_scatters(sums, ids, a.of_rows(a.width()), groups);
  return {sums};
}

Tensors run_adamw(const Arguments& a) {
  const AdamWBuffers buffers{a.of_rows(4), a.of_rows(4), a.of_rows(4), a.of_rows(4).square_()};
  adamw_step_(buffers, {.number = 3, .learning_rate = 1e-2, .weight_decay = 0.1, .gradient_factor = 0.5});
  return {buffers.values, buffers.first_moments, buffers.second_moments};
}

Tensors run_dropout(const Arguments& a) {
  const at::Tensor values = a.of_rows(a.width());
  apply_dropout_(values, a.rows(), a.dropout());
  return {values};
}

struct KernelCase {
  std::string name;
  std::function<Tensors(const Arguments&)> run;
};

const std::vector<KernelCase> kKernels = {
    {"activation_backward", [](const Arguments& a) { return run_activations(a, true); }},
    {"adamw_step", run_adamw},
    {"add_squared_products", run_squared_products},
    {"add_squared_scatters", run_squared_scatters},
    {"add_squared_sums", run_squared_sums},
    {"apply_dropout", run_dropout},
    {"attention", [](const Arguments& a) { return both_queries(a, false); }},
    {"attention_backward", [](const Arguments& a) { return both_queries(a, true); }},
    {"bias_activation", [](const Arguments& a) { return run_activations(a, false); }},
    {"embedding_layer_norm", run_embedding_layer_norm},
    {"layer_norm_parameter_gradients", run_layer_norm_parameters},
    {"matmul", run_matmul},
    {"residual_layer_norm", [](const Arguments& a) { return run_residual_layer_norm(a, false); }},
    {"residual_layer_norm_backward", [](const Arguments& a) { return run_residual_layer_norm(a, true); }},
};

std::vector<at::Device> devices() {
  std::vector<at::Device> all = {at::kCPU};
  if (at::hasCUDA()) all.emplace_back(at::kCUDA, 0);
  return all;
}

// Relative to the largest value.
double difference(const at::Tensor& a, const at::Tensor& b) {
  if (a.numel() == 0) return 0.0;
  const double largest = b.abs().max().item<double>();
  return a.sub(b).abs().max().item<double>() / (largest > 0.0 ? largest : 1.0);
}

class KernelParity : public ::testing::TestWithParam<std::tuple<KernelCase, Shape, at::ScalarType, double>> {};

TEST_P(KernelParity, WithTheReference) {
  const auto& [kernel, shape, type, dropout] = GetParam();
  for (const at::Device device : devices()) {
    const Setting setting{device, type, dropout};
    const Tensors own = kernel.run(Arguments(shape, setting));
    const ReferenceKernels reference;
    const Tensors expected = kernel.run(Arguments(shape, setting));
    ASSERT_EQ(own.size(), expected.size());
    for (std::size_t i = 0; i < own.size(); ++i) {
      EXPECT_EQ(own[i].scalar_type(), expected[i].scalar_type());
      EXPECT_LT(difference(own[i], expected[i]), type == at::kDouble ? 1e-12 : 1e-5) << device << " output " << i;
    }
  }
}

std::string name_of_case(const ::testing::TestParamInfo<KernelParity::ParamType>& info) {
  const auto& [kernel, shape, type, dropout] = info.param;
  return kernel.name + "_" + shape.name + (type == at::kDouble ? "_float64" : "_float32") +
         (dropout > 0.0 ? "_with_dropout" : "");
}

INSTANTIATE_TEST_SUITE_P(All, KernelParity,
                         ::testing::Combine(::testing::ValuesIn(kKernels), ::testing::ValuesIn(kShapes),
                                            ::testing::Values(at::kFloat, at::kDouble), ::testing::Values(0.0, 0.3)),
                         name_of_case);

// Rounded to bfloat16, the reference's sums have three digits.
TEST(MatmulParity, OfBfloat16Operands) {
  for (const at::Device device : devices()) {
    const at::Tensor a = at::randn({13, 24}).to(at::kBFloat16).to(device);
    const at::Tensor b = at::randn({24, 36}).to(at::kBFloat16).to(device);
    const at::Tensor own = at::empty_like(a, at::kFloat).resize_({13, 36});
    const at::Tensor expected = at::empty_like(own);
    matmul(a, b, own);
    const ReferenceKernels reference;
    matmul(a, b, expected);
    EXPECT_LT(difference(own, expected), 1e-2) << device;
  }
}

TEST(Kernels, AreAllComparedWithTheReference) {
  std::vector<std::string> tested;
  for (const KernelCase& kernel : kKernels) tested.push_back(kernel.name);
  std::vector<std::string> known;
  for (const KernelBackends& kernel : kernel_backends()) known.emplace_back(kernel.name);
  EXPECT_THAT(tested, ::testing::UnorderedElementsAreArray(known));
}

// The row of a kernel in CONTRIBUTING's table: | `name` | aten | cpu | cuda |, with empty cells where there is none.
std::optional<std::string> row_of(const std::string& page, std::string_view kernel) {
  std::istringstream lines(page);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("| `" + std::string(kernel) + "` |")) return line;
  }
  return std::nullopt;
}

TEST(Kernels, StandInTheTableOfContributing) {
  std::ostringstream page;
  page << std::ifstream(TUNESCOPE_SOURCE_DIR "/CONTRIBUTING.md").rdbuf();
  const bool is_cuda_build = compiled_backends().find("CUDA") != std::string::npos;
  for (const auto& [name, has_cpu, has_cuda] : kernel_backends()) {
    std::cout << name << ": aten" << (has_cpu ? ", cpu" : "") << (has_cuda ? ", cuda" : "") << "\n";
    const std::optional<std::string> row = row_of(page.str(), name);
    ASSERT_TRUE(row) << name;
    EXPECT_THAT(*row, ::testing::HasSubstr("| aten |"));
    EXPECT_EQ(row->find("| cpu") != std::string::npos, has_cpu) << *row;
    EXPECT_TRUE(!is_cuda_build || (row->find("| cuda") != std::string::npos) == has_cuda) << *row;
  }
}

TEST(Kernels, RefuseWhatTheirContractDoesNotSay) {
  const BatchLayout layout = test::layout_of({{3, 2}});
  EXPECT_THROW(bias_activation(Activation::kGelu, at::randn({4, 6}), {at::randn({6})}, layout.tokens()), Error);
  EXPECT_THROW(bias_activation(Activation::kGelu, at::randn({5, 6}), {at::randn({7})}, layout.tokens()), Error);
  EXPECT_THROW(apply_dropout_(at::randn({6, 4}), layout.tokens(), {.probability = 0.1}), Error);
  EXPECT_THROW(matmul(at::randn({2, 3}), at::randn({4, 5}), at::randn({2, 5})), Error);
  EXPECT_THROW(attention({at::randn({5, 6}), at::randn({5, 11})}, {layout.tokens(), layout.tokens(), 2}, {}), Error);
}

}  // namespace
}  // namespace tunescope
