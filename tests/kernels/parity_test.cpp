// Every kernel of every backend against the reference: the same function, run with and without `ForcedKernels`.

#include <ATen/Context.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <functional>
#include <iostream>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "kernels/attention/disentangled_cases.hpp"
#include "kernels/kernel_cases.hpp"
#include "kernels/linear_cases.hpp"
#include "kernels/training/training_cases.hpp"
#include "support/golden.hpp"
#include "support/layouts.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/device/device.hpp"
#include "tunescope/device/libtorch_settings.hpp"
#include "tunescope/kernels/activation.hpp"
#include "tunescope/kernels/attention.hpp"
#include "tunescope/kernels/forced_kernels.hpp"
#include "tunescope/kernels/matmul.hpp"

namespace tunescope {
namespace {

using test::Arguments;
using test::KernelCase;
using test::kShapes;
using test::Shape;
using test::Tensors;

std::vector<KernelCase> all_kernels() {
  std::vector<KernelCase> all = test::kKernels;
  all.insert(all.end(), test::kLinearKernels.begin(), test::kLinearKernels.end());
  all.insert(all.end(), test::kDisentangledKernels.begin(), test::kDisentangledKernels.end());
  all.insert(all.end(), test::kTrainingKernels.begin(), test::kTrainingKernels.end());
  return all;
}

// Where a kernel has an implementation besides the CPU's reference, with which it is compared. On a GPU that may be the
// reference too.
std::vector<at::Device> devices_of(std::string_view kernel) {
  std::vector<at::Device> devices;
  const bool is_emulated = ForcedKernels::backend() == KernelBackend::kCuda;
  for (const auto& [name, has_cpu, has_cuda] : kernel_backends()) {
    if (name == kernel && (is_emulated ? has_cuda : has_cpu)) devices.emplace_back(at::kCPU);
  }
  if (at::hasCUDA()) devices.emplace_back(at::kCUDA, 0);
  return devices;
}

struct ParityCase {
  KernelCase kernel;
  Shape shape;
  at::ScalarType type;
  double dropout;
};

std::vector<ParityCase> parity_cases() {
  std::vector<ParityCase> cases;
  for (const KernelCase& kernel : all_kernels()) {
    if (devices_of(kernel.name).empty()) continue;
    std::vector<Shape> shapes = kShapes;
    shapes.insert(shapes.end(), kernel.more_shapes.begin(), kernel.more_shapes.end());
    for (const Shape& shape : shapes) {
      for (const at::ScalarType type : {at::kFloat, at::kDouble}) {
        cases.push_back({kernel, shape, type, 0.0});
        if (kernel.has_dropout) cases.push_back({kernel, shape, type, 0.3});
      }
    }
  }
  return cases;
}

// Relative to the largest value.
double difference(const at::Tensor& a, const at::Tensor& b) {
  if (a.numel() == 0) return 0.0;
  const double largest = b.abs().max().item<double>();
  return a.sub(b).abs().max().item<double>() / (largest > 0.0 ? largest : 1.0);
}

class KernelParity : public ::testing::TestWithParam<ParityCase> {};

TEST_P(KernelParity, WithTheReference) {
  const auto& [kernel, shape, type, dropout] = GetParam();
  Tensors expected;
  {
    const ForcedKernels reference(KernelBackend::kReference);
    expected = kernel.run(Arguments(shape, {at::kCPU, type, dropout}));
  }
  for (const at::Device device : devices_of(kernel.name)) {
    const Tensors own = kernel.run(Arguments(shape, {device, type, dropout}));
    ASSERT_EQ(own.size(), expected.size());
    for (std::size_t i = 0; i < own.size(); ++i) {
      EXPECT_EQ(own[i].scalar_type(), expected[i].scalar_type());
      EXPECT_LT(difference(own[i].cpu(), expected[i]), type == at::kDouble ? 1e-12 : 1e-5) << device << " output " << i;
    }
  }
}

std::string name_of_case(const ::testing::TestParamInfo<ParityCase>& info) {
  const auto& [kernel, shape, type, dropout] = info.param;
  return kernel.name + "_" + shape.name + (type == at::kDouble ? "_float64" : "_float32") +
         (dropout > 0.0 ? "_with_dropout" : "");
}

INSTANTIATE_TEST_SUITE_P(All, KernelParity, ::testing::ValuesIn(parity_cases()), name_of_case);

// Rounded to bfloat16, the reference's sums have three digits.
TEST(MatmulParity, OfBfloat16Operands) {
  for (const at::Device device : devices_of("matmul")) {
    const at::Tensor a = at::randn({13, 24}).to(at::kBFloat16).to(device);
    const at::Tensor b = at::randn({24, 36}).to(at::kBFloat16).to(device);
    const at::Tensor own = at::empty_like(a, at::kFloat).resize_({13, 36});
    const at::Tensor expected = at::empty_like(own);
    matmul(a, b, own);
    const ForcedKernels reference(KernelBackend::kReference);
    matmul(a, b, expected);
    EXPECT_LT(difference(own, expected), 1e-2) << device;
  }
}

// The squared gradients of two layers side by side, from groups of one and of three sequences.
struct SquaredProducts {
  std::int64_t outputs = 0;  // of the first layer; the second has 8
  std::int64_t in = 0;
  at::Tensor gradient = at::randn({1 + 2 + 63 + 64 + 65, outputs + 8});
  at::Tensor input = at::randn({1 + 2 + 63 + 64 + 65, in});

  using Rounding = std::function<at::Tensor(const at::Tensor&)>;

  Tensors on(at::Device device, const Rounding& rounded) const {
    const BatchLayout layout = test::layout_of({{1, 64, 2, 63, 65}}, device);
    const auto zeros = [&](at::IntArrayRef sizes) {
      return at::zeros(sizes, at::TensorOptions(at::kDouble).device(device));
    };
    Tensors sums;
    for (const std::int64_t sequences : {1, 3}) {
      const std::array layers = {SquaredSums{zeros({outputs, in}), zeros({outputs}), outputs},
                                 SquaredSums{zeros({8, in}), zeros({8}), 8}};
      add_squared_products(layers, rounded(gradient).to(device), rounded(input).to(device),
                           {layout.tokens().sequence_offsets, sequences});
      for (const SquaredSums& layer : layers) sums.insert(sums.end(), {layer.weight.cpu(), layer.bias.cpu()});
    }
    return sums;
  }

  Tensors in_float64(const Rounding& rounded) const {
    const ForcedKernels reference(KernelBackend::kReference);
    return on(at::kCPU, [&](const at::Tensor& numbers) { return rounded(numbers).to(at::kDouble); });
  }

  // Relative to the largest sum of a tensor.
  static double largest_difference(const Tensors& own, const Tensors& expected) {
    double largest = 0.0;
    for (std::size_t i = 0; i < own.size(); ++i) largest = std::max(largest, difference(own[i], expected[i]));
    return largest;
  }
};

// With columns that fill tiles of the matrix instruction, that do not, and that it does not take.
const std::vector<std::pair<std::int64_t, std::int64_t>> kMatrices = {
    {384, 136}, {128, 1024}, {8, 8}, {21, 384}, {16, 21}};

at::Tensor as_tf32(const at::Tensor& numbers) {
  return numbers.view(at::kInt).add(0x1000).bitwise_and_(~0x1FFF).view(at::kFloat);
}

// Of the NaN that GPUs make, all bits but the sign are set.
TEST(SquaredProductsParity, KeepNansInTf32) {
  SquaredProducts subject{16, 8};
  subject.gradient.view(at::kInt)[3][5] = 0x7FFFFFFF;
  for (const at::Device device : devices_of("add_squared_products")) {
    const Tf32Products tf32(true);
    const Tensors sums = subject.on(device, [](const at::Tensor& numbers) { return numbers; });
    EXPECT_TRUE(std::isnan(sums[0][5].sum().item<double>()) && std::isnan(sums[1][5].item<double>())) << device;
    EXPECT_FALSE(std::isnan(sums[0][4].sum().item<double>())) << device;
  }
}

// Compared with the same rounded numbers in float64: what is left are the sums in float32.
TEST(SquaredProductsParity, OfBfloat16Factors) {
  const auto rounded = [](const at::Tensor& numbers) { return numbers.to(at::kBFloat16); };
  for (const auto& [outputs, in] : kMatrices) {
    const SquaredProducts subject{outputs, in};
    const Tensors expected = subject.in_float64(rounded);
    for (const at::Device device : devices_of("add_squared_products")) {
      EXPECT_LT(SquaredProducts::largest_difference(subject.on(device, rounded), expected), 1e-5)
          << device << " " << outputs << " x " << in;
    }
  }
}

// Only GPUs multiply so, and only columns that the instruction takes.
TEST(SquaredProductsParity, InTf32) {
  const auto unchanged = [](const at::Tensor& numbers) { return numbers; };
  for (const auto& [outputs, in] : kMatrices) {
    const SquaredProducts subject{outputs, in};
    const Tensors exact = subject.in_float64(unchanged);
    const Tensors rounded = subject.in_float64(as_tf32);
    EXPECT_GT(SquaredProducts::largest_difference(rounded, exact), 5e-5);
    for (const at::Device device : devices_of("add_squared_products")) {
      const bool is_rounded = takes_gpu_kernels(device) && outputs % 8 == 0 && in % 8 == 0;
      const Tf32Products tf32(true);
      EXPECT_LT(SquaredProducts::largest_difference(subject.on(device, unchanged), is_rounded ? rounded : exact), 1e-5)
          << device << " " << outputs << " x " << in;
    }
  }
}

TEST(Kernels, AreAllComparedWithTheReference) {
  std::vector<std::string> tested;
  for (const KernelCase& kernel : all_kernels()) tested.push_back(kernel.name);
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
  page << std::ifstream(test::source_folder() / "CONTRIBUTING.md").rdbuf();
  for (const auto& [name, has_cpu, has_cuda] : kernel_backends()) {
    std::cout << name << ": aten" << (has_cpu ? ", cpu" : "") << (has_cuda ? ", cuda" : "") << "\n";
    const std::optional<std::string> row = row_of(page.str(), name);
    ASSERT_TRUE(row) << name;
    EXPECT_THAT(*row, ::testing::HasSubstr("| aten |"));
    EXPECT_EQ(row->find("| cpu") != std::string::npos, has_cpu) << *row;
    EXPECT_TRUE(!has_cuda || row->find("| cuda") != std::string::npos) << *row;
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
