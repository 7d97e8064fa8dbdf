// Sums have a fixed order: the bits do not depend on the order in which a GPU runs blocks and threads.

#include <gtest/gtest.h>

#include <vector>

#include "emulator/emulator.hpp"
#include "gpu/narrow_model.hpp"
#include "tunescope/fisher/diagonal.hpp"
#include "tunescope/train/training_run.hpp"

namespace tunescope {
namespace {

class Repetition : public ::testing::Test {
 protected:
  // Of so many examples there are tens of rows for one id: whole segments, and pieces of them.
  Dataset examples_ = test::narrow_examples(32);
  PretrainedModel model_ = test::narrow_model(2);
  ParameterCatalogue catalogue_ = model_.network->catalogue(2);
};

TEST_F(Repetition, OfFullFineTuningIsExact) {
  const TaskData data{.task = &glue_task("SST-2"),
                      .train = examples_,
                      .dev = test::narrow_examples(8),
                      .mismatched_dev = {},
                      .content_hash = {}};
  const TrainInputs inputs{.model = model_,
                           .catalogue = catalogue_,
                           .data = data,
                           .method = parse_method("full"),
                           .learning_rate = 1e-3,
                           .seed = 1,
                           .options = {.epochs = 3, .batch_size = 32, .dropout = 0.1}};
  std::vector<Parameters> trained;
  for (const std::uint64_t seed : {1, 2}) {
    emulator::set_seed(seed);
    TrainingRun run(inputs, {});
    while (!run.is_over()) TrainingRun::step_together(std::vector{&run});
    trained.push_back(std::move(run).finish().parameters);
  }
  for (ParameterIndex i = 0; i < catalogue_.size(); ++i) {
    EXPECT_TRUE(trained[0][i].equal(trained[1][i])) << catalogue_[i].name;
  }
}

TEST_F(Repetition, OfFisherInformationIsExact) {
  const Parameters parameters = with_new_head(model_, catalogue_, 1);
  const Bfloat16Weights bfloat16_weights(model_);
  FisherInputs inputs{.network = *model_.network,
                      .catalogue = catalogue_,
                      .parameters = parameters,
                      .dataset = examples_,
                      .task = glue_task("SST-2"),
                      .needs_gradient = std::vector<bool>(catalogue_.size(), true)};
  for (const Bfloat16Weights* weights : {static_cast<const Bfloat16Weights*>(nullptr), &bfloat16_weights}) {
    inputs.bfloat16_weights = weights;
    std::vector<std::vector<at::Tensor>> sums;
    for (const std::uint64_t seed : {1, 2}) {
      emulator::set_seed(seed);
      sums.push_back(sum_squared_gradients(inputs, {}).sums);
    }
    for (ParameterIndex i = 0; i < catalogue_.size(); ++i) {
      EXPECT_TRUE(sums[0][i].equal(sums[1][i])) << catalogue_[i].name;
    }
  }
}

}  // namespace
}  // namespace tunescope
