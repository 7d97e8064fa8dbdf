#include "tunescope/kernels/dropout.hpp"

#include <ATen/ops/ones.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <optional>
#include <vector>

#include "kernels/backends/dropout.hpp"
#include "support/device.hpp"
#include "tunescope/kernels/forced_kernels.hpp"
#include "tunescope/random/philox.hpp"

namespace tunescope {
namespace {

at::Tensor ones(std::int64_t count, at::ScalarType type = at::kFloat) {
  return at::ones({count}, at::TensorOptions().dtype(type));
}

// The result of dropout on a single sequence of ones.
struct Stream {
  std::int64_t example = 0;
  std::uint64_t key = 0;
};
at::Tensor mask_of(std::int64_t count, const Stream& stream, const Dropout& dropout, at::ScalarType type = at::kFloat) {
  const at::Tensor values = ones(count, type).to(test::device());
  const BatchLayout layout({{0, count}, {stream.example}, {0, 1}, {stream.key}}, test::device());
  apply_dropout_(values, {layout.tokens().sequence_offsets, 1}, layout.tokens().streams, dropout);
  return values.cpu();
}

// First numbers of Random123's known-answer file (kat_vectors, philox4x32 10).
TEST(Philox, GivesTheKnownAnswers) {
  EXPECT_EQ(philox(0, 0, 0), (RandomBlock{0x6627e8d5U, 0xe169c58dU, 0xbc57ac4cU, 0x9b00dbd8U}));
  EXPECT_EQ(philox(~0ULL, ~0ULL, ~0ULL), (RandomBlock{0x408f276dU, 0x41c83b0eU, 0xa20bc7c6U, 0x6d5451fdU}));
}

TEST(Dropout, DropsTheGivenShareAndScalesTheRest) {
  constexpr std::int64_t kCount = 100000;
  const at::Tensor values = mask_of(kCount, {0, 7}, {.probability = 0.1, .site = 0});
  const double kept = values.gt(0).sum().item<double>() / kCount;
  EXPECT_NEAR(kept, 0.9, 4.0 * std::sqrt(0.1 * 0.9 / kCount));
  EXPECT_FLOAT_EQ(values.max().item<float>(), 65536.0F / (65536.0F - 6554.0F));
}

TEST(Dropout, UsesThePhiloxWordsThatItsDefinitionNames) {
  const at::Tensor values = mask_of(300, {12, 99}, {.probability = 0.5, .site = 3});
  for (std::int64_t e = 0; e < 300; ++e) {
    const auto block = static_cast<std::uint64_t>(e / 128 * 16 + e % 16);
    const std::uint32_t word = philox(99, dropout_stream(3, 12), block)[static_cast<std::size_t>(e % 64 / 16)];
    const std::uint32_t number = e % 128 < 64 ? word & 0xFFFFU : word >> 16U;
    EXPECT_EQ(values[e].item<float>() == 0.0F, number < 32768U) << e;
  }
}

// As of the rows of a table that a batch needs, whichever they are.
TEST(Dropout, CountsElementsFromTheNumberOfTheFirstPosition) {
  constexpr std::int64_t kWidth = 5;
  const Dropout dropout{.probability = 0.4, .site = 2};
  const at::Tensor whole = mask_of(40 * kWidth, {0, 2}, dropout);
  for (const bool is_reference : {false, true}) {
    std::optional<ForcedKernels> kernels;
    if (is_reference) kernels.emplace(KernelBackend::kReference);
    const at::Tensor values = ones(12 * kWidth).to(test::device());
    const BatchLayout layout({{0, 9, 12}, {0, 0}, {0, 2}, {2, 2}}, test::device());
    LayoutNumbers<std::int64_t> first_numbers;
    const CopiedNumbers copied(std::array{CopiedNumbers::List{{30, 7}, &first_numbers}}, test::device());
    apply_dropout_(values, {layout.tokens().sequence_offsets, kWidth, first_numbers}, layout.tokens().streams, dropout);
    EXPECT_TRUE(values.cpu().narrow(0, 0, 9 * kWidth).equal(whole.narrow(0, 30 * kWidth, 9 * kWidth)));
    EXPECT_TRUE(values.cpu().narrow(0, 9 * kWidth, 3 * kWidth).equal(whole.narrow(0, 7 * kWidth, 3 * kWidth)));
  }
}

TEST(Dropout, OfAPartIsThatPartOfTheWhole) {
  const std::int64_t example = 5;
  const std::uint64_t key = 2;
  const Dropout dropout{.probability = 0.4, .site = 2};
  const at::Tensor whole = mask_of(700, {example, key}, dropout);
  const BatchLayout layout({{0, 700}, {example}, {0, 1}, {key}}, at::kCPU);
  const cpu::DropoutMask mask = cpu::dropout_mask(layout.tokens().streams, 0, dropout);
  for (const std::int64_t first : {0, 1, 64, 127, 128, 300}) {
    for (const std::int64_t count : {1, 63, 128, 129, 400}) {
      const at::Tensor part = ones(count);
      cpu::apply_dropout(part.mutable_data_ptr<float>(), {first, count}, mask);
      EXPECT_TRUE(part.equal(whole.narrow(0, first, count))) << first << " " << count;
    }
  }
}

TEST(Dropout, DependsOnKeyAndExampleAndNotOnThePlaceInTheBatch) {
  const Dropout dropout{.probability = 0.3, .site = 1};
  const std::vector<std::int64_t> offsets = {0, 40, 100, 130};
  const std::vector<std::int64_t> examples = {8, 3, 21};
  const std::vector<std::uint64_t> keys = {5, 5, 17};
  const BatchLayout layout({offsets, examples, {0, 2, 3}, keys}, test::device());
  at::Tensor batch = ones(130 * 4).view({130, 4}).to(test::device());
  apply_dropout_(batch, layout.tokens(), dropout);
  batch = batch.cpu();
  for (std::size_t b = 0; b < examples.size(); ++b) {
    const std::int64_t count = (offsets[b + 1] - offsets[b]) * 4;
    EXPECT_TRUE(batch.view(-1).narrow(0, offsets[b] * 4, count).equal(mask_of(count, {examples[b], keys[b]}, dropout)));
  }
}

TEST(Dropout, DiffersByKeySiteAndExample) {
  const at::Tensor base = mask_of(256, {1, 1}, {.probability = 0.5, .site = 1});
  EXPECT_FALSE(base.equal(mask_of(256, {1, 2}, {.probability = 0.5, .site = 1})));
  EXPECT_FALSE(base.equal(mask_of(256, {1, 1}, {.probability = 0.5, .site = 2})));
  EXPECT_FALSE(base.equal(mask_of(256, {2, 1}, {.probability = 0.5, .site = 1})));
}

TEST(Dropout, IsTheSameInFloat64) {
  const Dropout dropout{.probability = 0.25, .site = 0};
  const at::Tensor single = mask_of(1000, {4, 11}, dropout);
  EXPECT_TRUE(single.gt(0).equal(mask_of(1000, {4, 11}, dropout, at::kDouble).gt(0)));
}

}  // namespace
}  // namespace tunescope
