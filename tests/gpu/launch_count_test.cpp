// How many kernels a GPU is asked to run. The emulator counts ours, an observer those of ATen. Nothing of that depends
// on the width of a model or the length of sequences, so this one has BERT-large's layers and is otherwise tiny.

#include <gtest/gtest.h>

#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "gpu/launch_counter.hpp"
#include "gpu/narrow_model.hpp"
#include "support/started_runs.hpp"
#include "tunescope/device/host_read.hpp"
#include "tunescope/device/libtorch_settings.hpp"
#include "tunescope/fisher/diagonal.hpp"
#include "tunescope/train/training_run.hpp"

namespace tunescope {
namespace {

using test::LaunchCounter;

class Launches : public ::testing::Test {
 protected:
  struct Counts {
    std::int64_t launches = 0;
    std::int64_t reads = 0;
  };

  static void print_operations() {
    for (const auto& [name, count] : LaunchCounter::operations()) std::cout << " " << name << " " << count;
    std::cout << "\n";
  }

  // Of the second step of so many trials in one pass.
  Counts of_step(const std::string& method, std::size_t lanes, Precision precision = Precision::kFloat32) {
    std::vector<TrainInputs> trials;
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      trials.push_back({.model = model_,
                        .catalogue = catalogue_,
                        .data = data_,
                        .method = parse_method(method),
                        .learning_rate = 1e-4,
                        .seed = lane,
                        .options = {.epochs = 4, .batch_size = 4, .dropout = 0.1},
                        .bfloat16_weights = precision == Precision::kBfloat16 ? &bfloat16_weights_ : nullptr});
    }
    const test::StartedRuns started(trials);
    TrainingRun::step_together(started.group);
    const std::int64_t reads = host_reads(HostRead::kStep);
    const LaunchCounter counter;
    TrainingRun::step_together(started.group);
    const Counts counts{counter.launches(), host_reads(HostRead::kStep) - reads};
    std::cout << method << ", " << lanes << " lanes: " << counts.launches << " launches, " << counter.own()
              << " of our kernels;";
    print_operations();
    return counts;
  }

  // Of the only micro-batch of a run, without what begins and ends it.
  std::int64_t of_fisher(Precision precision = Precision::kFloat32) {
    const Dataset dataset = test::narrow_examples(8);
    const FisherInputs inputs{.network = *model_.network,
                              .catalogue = catalogue_,
                              .parameters = parameters_,
                              .dataset = dataset,
                              .task = glue_task("SST-2"),
                              .needs_gradient = std::vector<bool>(catalogue_.size(), true),
                              .bfloat16_weights = precision == Precision::kBfloat16 ? &bfloat16_weights_ : nullptr};
    std::optional<LaunchCounter> counter;
    std::int64_t launches = 0;
    const FisherControl control{.on_progress =
                                    [&](std::int64_t, std::int64_t) {
                                      launches = counter->launches();
                                      std::cout << "Fisher: " << launches << " launches, " << counter->own()
                                                << " of our kernels;";
                                      print_operations();
                                    },
                                .next_action =
                                    [&] {
                                      counter.emplace();
                                      return NextAction::kContinue;
                                    }};
    sum_squared_gradients(inputs, {}, control);
    return launches;
  }

  PretrainedModel model_ = test::narrow_model(24);
  Bfloat16Weights bfloat16_weights_{model_};
  ParameterCatalogue catalogue_ = model_.network->catalogue(2);
  Parameters parameters_ = with_new_head(model_, catalogue_, 1);
  TaskData data_{.task = &glue_task("SST-2"),
                 .train = test::narrow_examples(32),
                 .dev = test::narrow_examples(8),
                 .mismatched_dev = {},
                 .content_hash = {}};
};

TEST_F(Launches, OfALayerNormStepAreAtMost479) { EXPECT_LE(of_step("layernorm", 1).launches, 479); }

TEST_F(Launches, OfAFullStepAreAtMost682) { EXPECT_LE(of_step("full", 1).launches, 682); }

TEST_F(Launches, DoNotGrowWithTheNumberOfLanes) {
  for (const char* method : {"layernorm", "lora", "ia3"}) {
    EXPECT_EQ(of_step(method, 16).launches, of_step(method, 1).launches) << method;
  }
}

// Two casts, of the rows that the head reads and of their gradient. And biases that a product in bfloat16 does not add:
// one in each layer, two in the last one, and the pooler's.
TEST_F(Launches, InBfloat16AreThoseInFloat32AndFewMore) {
  const auto expect_few_more = [&](const std::string& method, std::size_t lanes) {
    EXPECT_LE(of_step(method, lanes, Precision::kBfloat16).launches, of_step(method, lanes).launches + 2 + 24 + 1 + 1)
        << method;
  };
  expect_few_more("layernorm", 1);
  expect_few_more("layernorm", 16);
  expect_few_more("full", 1);
}

TEST_F(Launches, AreReadOnceAStep) {
  EXPECT_EQ(of_step("layernorm", 1).reads, 1);
  EXPECT_EQ(of_step("bitfit", 4).reads, 1);
}

// Two thirds are those of a training step without an update; the squares add six a layer.
TEST_F(Launches, OfAFisherMicroBatchAreAtMost580) { EXPECT_LE(of_fisher(), 580); }

// All tokens leave the last layer, so that no layer has more than one such bias.
TEST_F(Launches, OfAFisherMicroBatchInBfloat16AreFewMore) {
  EXPECT_LE(of_fisher(Precision::kBfloat16), of_fisher() + 2 + 24 + 1);
}

TEST_F(Launches, OfAFisherMicroBatchInTf32AreAsManyAsInFloat32) {
  const std::int64_t in_float32 = of_fisher();
  const Tf32Products products(true);
  EXPECT_EQ(of_fisher(), in_float32);
}

}  // namespace
}  // namespace tunescope
