#include "tunescope/kernels/training/adamw.hpp"

#include <ATen/ops/full.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "tunescope/base/error.hpp"
#include "tunescope/kernels/forced_kernels.hpp"

namespace tunescope {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

at::Tensor in_float64(double value) { return at::full({}, value, at::kDouble); }

// Zeros behind the rounded values, which nothing may write.
constexpr std::int64_t kBeyond = 4;

// A run of `count` numbers, of which two thirds decay. Its buffers begin `offset` numbers after an aligned address.
AdamWUpdate run_of(std::int64_t count, std::int64_t offset = 0) {
  const auto numbers = [&] { return at::randn({count + offset}).narrow(0, offset, count); };
  const std::int64_t decayed = 2 * count / 3;
  const at::Tensor values = numbers();
  const at::Tensor rounded = at::zeros({decayed + offset + kBeyond}, at::kBFloat16).narrow(0, offset, decayed);
  rounded.copy_(values.narrow(0, 0, decayed));
  return {.buffers = {.values = values,
                      .gradients = numbers(),
                      .first_moments = numbers(),
                      .second_moments = numbers().square_(),
                      .decayed_count = decayed,
                      .rounded = rounded},
          .step = {.number = 1 + count % 5, .learning_rate = 1e-2, .weight_decay = 0.1},
          .loss = in_float64(0.7),
          .norm = in_float64(3.0),
          .diverged = at::zeros({}, at::kInt)};
}

AdamWUpdate copy_of(const AdamWUpdate& update) {
  const AdamWBuffers& buffers = update.buffers;
  AdamWUpdate copy = update;
  copy.buffers.values = buffers.values.clone();
  copy.buffers.gradients = buffers.gradients.clone();
  copy.buffers.first_moments = buffers.first_moments.clone();
  copy.buffers.second_moments = buffers.second_moments.clone();
  copy.buffers.rounded = buffers.rounded.clone();
  copy.diverged = update.diverged.clone();
  return copy;
}

// The largest difference in units of the largest number.
double difference_between(const at::Tensor& a, const at::Tensor& b) {
  if (a.numel() == 0) return 0.0;
  return a.sub(b).abs().max().item<double>() / b.abs().max().item<double>();
}

void expect_same(const AdamWUpdate& update, const AdamWUpdate& expected, double tolerance) {
  const AdamWBuffers& buffers = update.buffers;
  EXPECT_LE(difference_between(buffers.values, expected.buffers.values), tolerance);
  EXPECT_LE(difference_between(buffers.first_moments, expected.buffers.first_moments), tolerance);
  EXPECT_LE(difference_between(buffers.second_moments, expected.buffers.second_moments), tolerance);
}

bool is_unchanged(const AdamWUpdate& update, const AdamWUpdate& before) {
  return update.buffers.values.equal(before.buffers.values) &&
         update.buffers.first_moments.equal(before.buffers.first_moments) &&
         update.buffers.second_moments.equal(before.buffers.second_moments) &&
         update.buffers.rounded.equal(before.buffers.rounded);
}

void step_one(const AdamWUpdate& update) { adamw_step_({&update, 1}); }

class AdamWOfManyRuns : public ::testing::TestWithParam<std::size_t> {};

TEST_P(AdamWOfManyRuns, UpdatesEachAsTheReferenceDoes) {
  std::vector<AdamWUpdate> updates;
  std::vector<AdamWUpdate> expected;
  for (std::size_t i = 0; i < GetParam(); ++i) {
    constexpr std::array<std::int64_t, 5> kSizes = {100003, 1, 7, 1000, 0};
    updates.push_back(run_of(kSizes[i % kSizes.size()], i % 3 == 1 ? 1 : 0));
    updates.back().step.clip_norm = i % 2 == 0 ? 1.0 : 0.0;
    updates.back().step.learning_rate *= static_cast<double>(i + 1);
    expected.push_back(copy_of(updates.back()));
  }
  adamw_step_(updates);
  const ForcedKernels reference(KernelBackend::kReference);
  adamw_step_(expected);
  for (std::size_t i = 0; i < updates.size(); ++i) {
    SCOPED_TRACE("run " + std::to_string(i));
    expect_same(updates[i], expected[i], 1e-6);
    EXPECT_TRUE(updates[i].buffers.rounded.equal(
        updates[i].buffers.values.narrow(0, 0, updates[i].buffers.decayed_count).to(at::kBFloat16)));
    const at::Tensor& rounded = updates[i].buffers.rounded;
    EXPECT_EQ(rounded.as_strided({kBeyond}, {1}, rounded.storage_offset() + rounded.numel())
                  .count_nonzero()
                  .item<std::int64_t>(),
              0);
    EXPECT_EQ(updates[i].diverged.item<int>(), 0);
  }
}

INSTANTIATE_TEST_SUITE_P(Runs, AdamWOfManyRuns, ::testing::Values(1, 3, 16, 33));

TEST(AdamW, LeavesADivergedRunAsItIsInThatStepAndInLaterOnes) {
  std::vector<AdamWUpdate> updates;
  for (const auto& [loss, norm] : std::vector<std::pair<double, double>>{
           {kNan, 1.0}, {kInfinity, 1.0}, {0.5, kNan}, {0.5, kInfinity}, {-kInfinity, kNan}, {0.5, 1.0}}) {
    updates.push_back(run_of(5000));
    updates.back().loss = in_float64(loss);
    updates.back().norm = in_float64(norm);
  }
  updates.push_back(run_of(0));
  updates.back().loss = in_float64(kNan);
  std::vector<AdamWUpdate> before;
  for (const AdamWUpdate& update : updates) before.push_back(copy_of(update));
  constexpr std::size_t kFinite = 5;
  for (const int step : {1, 2}) {
    adamw_step_(updates);
    for (std::size_t i = 0; i < updates.size(); ++i) {
      EXPECT_EQ(updates[i].diverged.item<int>(), i == kFinite ? 0 : 1) << "run " << i << ", step " << step;
      EXPECT_EQ(is_unchanged(updates[i], before[i]), i != kFinite) << "run " << i << ", step " << step;
      updates[i].loss = in_float64(0.5);
      updates[i].norm = in_float64(1.0);
    }
  }
}

TEST(AdamW, ScalesGradientsOfALargerNormDownToTheLargestAllowed) {
  AdamWUpdate clipped = run_of(1000);
  AdamWUpdate scaled = copy_of(clipped);
  clipped.step.clip_norm = 0.6;  // of 3
  scaled.buffers.gradients.mul_(0.6 / (3.0 + 1e-6));
  step_one(clipped);
  step_one(scaled);
  expect_same(clipped, scaled, 1e-6);
}

TEST(AdamW, LeavesGradientsOfASmallerNormAsTheyAre) {
  AdamWUpdate allowed = run_of(1000);
  AdamWUpdate unlimited = copy_of(allowed);
  allowed.step.clip_norm = 3.5;
  step_one(allowed);
  step_one(unlimited);
  EXPECT_TRUE(is_unchanged(allowed, unlimited));
}

TEST(AdamW, DecaysTheFirstNumbersOnly) {
  AdamWUpdate update = run_of(1001);
  AdamWBuffers& buffers = update.buffers;
  buffers.gradients.zero_();
  buffers.first_moments.zero_();
  const at::Tensor before = buffers.values.clone();
  step_one(update);
  const std::int64_t decayed = buffers.decayed_count;
  EXPECT_LT(difference_between(buffers.values.narrow(0, 0, decayed), before.narrow(0, 0, decayed).mul(1.0 - 1e-3)),
            1e-7);
  EXPECT_TRUE(buffers.values.narrow(0, decayed, 1001 - decayed).equal(before.narrow(0, decayed, 1001 - decayed)));
}

TEST(AdamW, TakesGradientsThatAreNotFiniteAsTheyAre) {
  AdamWUpdate update = run_of(8);
  update.buffers.gradients[3] = kNan;
  step_one(update);
  EXPECT_EQ(update.buffers.values.isnan().sum().item<std::int64_t>(), 1);
  EXPECT_TRUE(update.buffers.values.isnan()[3].item<bool>());
}

TEST(AdamW, RefusesBuffersThatDoNotFitTogether) {
  const auto expect_refused = [](auto spoil) {
    AdamWUpdate update = run_of(6);
    spoil(update);
    EXPECT_THROW(step_one(update), Error);
  };
  expect_refused([](AdamWUpdate& update) { update.buffers.gradients = at::zeros({5}); });
  expect_refused([](AdamWUpdate& update) { update.buffers.decayed_count = 7; });
  expect_refused([](AdamWUpdate& update) { update.buffers.rounded = at::zeros({6}, at::kBFloat16); });
  expect_refused([](AdamWUpdate& update) { update.loss = at::zeros({}); });
  expect_refused([](AdamWUpdate& update) { update.norm = at::Tensor(); });
  expect_refused([](AdamWUpdate& update) { update.diverged = at::zeros({2}, at::kInt); });
}

}  // namespace
}  // namespace tunescope
