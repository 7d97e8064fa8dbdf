#include "tunescope/kernels/attention.hpp"

#include <ATen/ops/randn.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <gtest/gtest.h>

#include <vector>

namespace tunescope {
namespace {

constexpr std::int64_t kHeads = 3;
constexpr std::int64_t kHidden = 12;
const std::vector<std::int64_t> kOffsets = {0, 5, 6, 14};
const std::vector<std::int64_t> kExamples = {4, 0, 9};
const std::vector<std::uint64_t> kKeys = {3, 3, 8};
const AttentionLayout kLayout{kOffsets, {kExamples, kKeys}, kHeads};

at::Tensor random_rows() { return at::randn({14, kHidden}, at::TensorOptions().dtype(at::kDouble)); }

at::Tensor heads(const at::Tensor& rows, std::int64_t first, std::int64_t length) {
  return rows.narrow(0, first, length).view({length, kHeads, kHidden / kHeads}).transpose(0, 1);
}

TEST(Attention, EqualsTorchOnEachSequence) {
  const AttentionInputs inputs{random_rows(), random_rows(), random_rows()};
  const AttentionOutput output = attention(inputs, kLayout, {});
  for (std::size_t b = 0; b < kExamples.size(); ++b) {
    const std::int64_t first = kOffsets[b];
    const std::int64_t length = kOffsets[b + 1] - first;
    const at::Tensor expected = at::scaled_dot_product_attention(
        heads(inputs.query, first, length), heads(inputs.key, first, length), heads(inputs.value, first, length));
    EXPECT_LT(heads(output.context, first, length).sub(expected).abs().max().item<double>(), 1e-12);
  }
}

class AttentionGradient : public ::testing::TestWithParam<double> {};

TEST_P(AttentionGradient, EqualsFiniteDifferences) {
  const Dropout dropout{.probability = GetParam(), .site = 2};
  AttentionInputs inputs{random_rows(), random_rows(), random_rows()};
  const at::Tensor weights = random_rows();
  const auto value = [&] { return attention(inputs, kLayout, dropout).context.mul(weights).sum().item<double>(); };
  const AttentionOutput output = attention(inputs, kLayout, dropout);
  const AttentionInputs gradients = attention_backward(weights, output.probabilities, inputs, kLayout, dropout);
  constexpr double kStep = 1e-6;
  for (const auto& [input, gradient] :
       {std::pair(&inputs.query, &gradients.query), std::pair(&inputs.key, &gradients.key),
        std::pair(&inputs.value, &gradients.value)}) {
    for (std::int64_t i = 0; i < input->numel(); i += 7) {
      double* const scalar = input->mutable_data_ptr<double>() + i;
      const double original = *scalar;
      *scalar = original + kStep;
      const double above = value();
      *scalar = original - kStep;
      const double below = value();
      *scalar = original;
      EXPECT_NEAR((above - below) / (2 * kStep), gradient->view(-1)[i].item<double>(), 1e-7);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Dropout, AttentionGradient, ::testing::Values(0.0, 0.3));

}  // namespace
}  // namespace tunescope
