#include "tunescope/kernels/training/segmented_sums.hpp"

#include <ATen/Parallel.h>
#include <ATen/ops/full.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "tunescope/base/error.hpp"

namespace tunescope {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// Tensors of different sizes, some of which begin at addresses that no vector can be read from.
std::vector<at::Tensor> random_tensors(std::size_t count) {
  std::vector<at::Tensor> tensors;
  for (std::size_t i = 0; i < count; ++i) {
    constexpr std::array<std::int64_t, 6> kSizes = {100003, 1, 7, 1000, 0, 32768};
    const std::int64_t size = kSizes[i % kSizes.size()];
    const std::int64_t offset = i % 4 == 3 ? 1 : 0;
    tensors.push_back(at::randn({size + offset}).narrow(0, offset, size));
  }
  return tensors;
}

class GradientNorms : public ::testing::TestWithParam<std::size_t> {};

TEST_P(GradientNorms, AreThoseInFloat64) {
  const std::vector<at::Tensor> gradients = random_tensors(GetParam());
  const at::Tensor norms = gradient_norms(gradients);
  ASSERT_EQ(norms.scalar_type(), at::kDouble);
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    const double expected = gradients[i].to(at::kDouble).square().sum().sqrt().item<double>();
    EXPECT_NEAR(norms[static_cast<std::int64_t>(i)].item<double>(), expected, 1e-12 * expected) << "run " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Runs, GradientNorms, ::testing::Values(1, 3, 16, 33));

TEST(GradientNorm, OfLargeNumbersDoesNotOverflow) {
  EXPECT_NEAR(gradient_norms(std::array{at::full({16}, 1e30F)}).item<double>(), 4e30, 1e24);
}

TEST(GradientNorm, OfNumbersThatAreNotFiniteIsNotFinite) {
  for (const float number : {kNan, kInfinity, -kInfinity}) {
    std::vector<at::Tensor> gradients = random_tensors(4);
    gradients[0][99999] = number;
    const at::Tensor norms = gradient_norms(gradients);
    EXPECT_FALSE(std::isfinite(norms[0].item<double>()));
    EXPECT_TRUE(norms.narrow(0, 1, 3).isfinite().all().item<bool>());
  }
}

TEST(SegmentedSums, DependNeitherOnOtherTensorsNorOnTheNumberOfThreads) {
  const std::vector<at::Tensor> initial = random_tensors(7);
  const std::vector<at::Tensor> trained = random_tensors(7);
  std::vector<ChangedTensor> tensors;
  for (std::size_t i = 0; i < initial.size(); ++i) tensors.push_back({initial[i], trained[i]});
  const at::Tensor norms = gradient_norms(initial);
  const at::Tensor changes = parameter_changes(tensors);
  const int threads = at::get_num_threads();
  at::set_num_threads(3);
  EXPECT_TRUE(gradient_norms(initial).equal(norms));
  EXPECT_TRUE(parameter_changes(tensors).equal(changes));
  at::set_num_threads(threads);
  for (std::size_t i = 0; i < initial.size(); ++i) {
    const auto row = static_cast<std::int64_t>(i);
    EXPECT_TRUE(gradient_norms({&initial[i], 1})[0].equal(norms[row])) << i;
    EXPECT_TRUE(parameter_changes({&tensors[i], 1})[0].equal(changes[row])) << i;
  }
}

// More tensors than a launch takes.
TEST(ParameterChanges, AreThoseInFloat64) {
  const std::vector<at::Tensor> initial = random_tensors(140);
  std::vector<ChangedTensor> tensors;
  for (const at::Tensor& tensor : initial) tensors.push_back({tensor, at::randn(tensor.sizes()).add_(tensor)});
  const at::Tensor changes = parameter_changes(tensors);
  ASSERT_EQ(changes.sizes(), at::IntArrayRef({140, kChangeColumns}));
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const at::Tensor before = tensors[i].initial.to(at::kDouble);
    const at::Tensor difference = tensors[i].trained.to(at::kDouble).sub(before).abs();
    const auto expect = [&](ChangeColumn column, const at::Tensor& expected) {
      const double value = expected.item<double>();
      EXPECT_NEAR(changes[static_cast<std::int64_t>(i)][column].item<double>(), value, 1e-12 * value)
          << "tensor " << i << ", column " << column;
    };
    expect(kSumOfDifferences, difference.sum());
    expect(kSumOfSquares, difference.square().sum());
    expect(kSumOfInitialSquares, before.square().sum());
    expect(kLargestDifference, before.numel() == 0 ? at::zeros({}) : difference.max());
  }
}

TEST(ParameterChanges, ToNumbersThatAreNotFiniteShowInTheirTensorAlone) {
  const std::vector<at::Tensor> initial = random_tensors(3);
  std::vector<ChangedTensor> tensors;
  for (const at::Tensor& tensor : initial) tensors.push_back({tensor, tensor.add(0.5)});
  tensors[0].trained[70000] = kNan;
  tensors[2].trained[2] = kInfinity;
  const at::Tensor changes = parameter_changes(tensors);
  EXPECT_TRUE(std::isnan(changes[0][kSumOfDifferences].item<double>()));
  EXPECT_TRUE(std::isnan(changes[0][kLargestDifference].item<double>()));
  EXPECT_TRUE(changes[1].isfinite().all().item<bool>());
  EXPECT_EQ(changes[2][kSumOfSquares].item<double>(), kInfinity);
  EXPECT_EQ(changes[2][kLargestDifference].item<double>(), kInfinity);
}

TEST(SegmentedSums, RefuseWhatTheyCannotSum) {
  EXPECT_THROW(gradient_norms({}), Error);
  EXPECT_THROW(gradient_norms(std::array{at::randn({4, 4}).t()}), Error);
  EXPECT_THROW(parameter_changes(std::array{ChangedTensor{at::randn({4}), at::randn({5})}}), Error);
}

}  // namespace
}  // namespace tunescope
