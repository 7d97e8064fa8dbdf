#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <vector>

#include "support/fisher_case.hpp"
#include "support/limited_allocator.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/device/failure.hpp"

namespace tunescope {
namespace {

using test::FisherCase;
using test::is_zero_in_theory;
using test::relative_l2;

// The intermediate layer of a micro-batch takes about 500 kB. The memory becomes short once sums have been added.
TEST(FisherOnADevice, ComputesAMicroBatchThatDoesNotFitInPartsOfWholeGroups) {
  FisherCase subject;
  subject.dataset = test::repeat(subject.dataset, 100);
  for (const std::int64_t batch_size : {1, 3}) {
    FisherInputs inputs = subject.inputs();
    inputs.batch_size = batch_size;
    const FisherState whole = sum_squared_gradients(inputs, {});
    std::optional<test::LimitedAllocator> limited;
    std::vector<std::int64_t> progress;
    const auto on_progress = [&](std::int64_t done, std::int64_t) {
      progress.push_back(done);
      if (done == 2 && !limited) limited.emplace(200'000, test::refuse_as_cuda);
    };
    const FisherState parts = sum_squared_gradients(inputs, {}, {.on_progress = on_progress});
    limited.reset();
    ASSERT_GT(progress.size(), 4U);
    progress.resize(4);
    EXPECT_THAT(progress, ::testing::ElementsAre(1, 2, 1, 2)) << "the shard starts again";
    for (std::size_t i = 0; i < whole.sums.size(); ++i) {
      if (is_zero_in_theory(subject.catalogue[i])) continue;
      EXPECT_LT(relative_l2(parts.sums[i], whole.sums[i]), 1e-5) << subject.catalogue[i].name;
    }
    EXPECT_LT(relative_l2(parts.depth_sums, whole.depth_sums), 1e-5);
  }
}

TEST(FisherOnADevice, GoesBackToWhereItWasSavedLastAndRemembersWhatFits) {
  FisherCase subject;
  subject.dataset = test::repeat(subject.dataset, 100);
  const FisherInputs inputs = subject.inputs();
  const FisherState whole = sum_squared_gradients(inputs, {});
  std::optional<FisherState> saved;
  const auto save = [&](FisherState state) {
    for (at::Tensor& sum : state.sums) sum = sum.clone();
    state.depth_sums = state.depth_sums.clone();
    saved = state;
  };
  std::optional<test::LimitedAllocator> limited;
  int refused = 0;
  std::vector<std::int64_t> progress;
  const auto on_progress = [&](std::int64_t done, std::int64_t) {
    progress.push_back(done);
    if (done == 2 && !limited) limited.emplace([&](std::size_t bytes) { return bytes > 200'000 && ++refused > 0; });
  };
  const auto load = [&] { return saved; };
  sum_squared_gradients(
      inputs, {},
      {.on_progress = on_progress, .next_action = [] { return NextAction::kSave; }, .save = save, .load = load});
  ASSERT_GT(refused, 0);
  ASSERT_GT(whole.total, 3);
  for (std::size_t i = 0; i < progress.size(); ++i)
    EXPECT_EQ(progress[i], static_cast<std::int64_t>(i) + 1) << "it went back further";
  ASSERT_EQ(saved->micro_batches, whole.total - 1);

  refused = 0;
  const FisherState resumed = sum_squared_gradients(inputs, {}, {.load = load});
  limited.reset();
  EXPECT_EQ(refused, 0) << "it tries what did not fit before";
  EXPECT_LT(relative_l2(resumed.depth_sums, whole.depth_sums), 1e-5);
}

TEST(FisherOnADevice, DoesNotResumeAShardThatWasCutForAnotherDevice) {
  const FisherCase subject;
  FisherState saved = sum_squared_gradients(subject.inputs(), {});
  std::vector<std::int64_t> progress;
  const FisherControl control{.on_progress = [&](std::int64_t done, std::int64_t) { progress.push_back(done); },
                              .load = [&] { return saved; }};
  sum_squared_gradients(subject.inputs(), {}, control);
  EXPECT_TRUE(progress.empty()) << "all was there";
  saved.micro_batch_tokens *= 4;
  sum_squared_gradients(subject.inputs(), {}, control);
  ASSERT_FALSE(progress.empty());
  EXPECT_EQ(progress.front(), 1);
}

TEST(FisherOnADevice, DoesNotResumeAShardOfProductsInBfloat16InFloat32) {
  const FisherCase subject;
  const Bfloat16Weights weights(subject.model);
  FisherInputs inputs = subject.inputs();
  inputs.bfloat16_weights = &weights;
  const FisherState saved = sum_squared_gradients(inputs, {});
  std::vector<std::int64_t> progress;
  const FisherControl control{.on_progress = [&](std::int64_t done, std::int64_t) { progress.push_back(done); },
                              .load = [&] { return saved; }};
  sum_squared_gradients(inputs, {}, control);
  EXPECT_TRUE(progress.empty()) << "all was there";
  sum_squared_gradients(subject.inputs(), {}, control);
  EXPECT_FALSE(progress.empty());
}

TEST(FisherOnADevice, RefusesAGroupThatDoesNotFit) {
  const FisherCase subject;
  const test::LimitedAllocator limited(1'000);
  EXPECT_THROW(sum_squared_gradients(subject.inputs(), {}), c10::OutOfMemoryError);
}

TEST(FisherOnADevice, NamesTheDeviceIfItIsBroken) {
  const FisherCase subject;
  const test::LimitedAllocator limited(1'000);
  const ReplacedDeviceProbe broken([](at::Device) { return "uncorrectable ECC error encountered"; });
  EXPECT_THROW(sum_squared_gradients(subject.inputs(), {}), DeviceError);
}

}  // namespace
}  // namespace tunescope
