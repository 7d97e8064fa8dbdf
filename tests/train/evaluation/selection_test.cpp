#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "support/device.hpp"
#include "support/golden.hpp"
#include "support/learnable_examples.hpp"
#include "support/temporary_folder.hpp"
#include "tunescope/train/checkpoint.hpp"
#include "tunescope/train/trainer.hpp"

namespace tunescope {
namespace {

// The more is learned, the worse are the predictions for it.
Dataset with_wrong_labels(Dataset dataset) {
  for (float& label : dataset.labels) label = 1.0F - label;
  return dataset;
}

class ChosenStep : public ::testing::Test {
 protected:
  TrainResult run(const Dataset& dev, const Dataset& selection, const TrainControl& control = {}) {
    TaskData data;
    data.task = &glue_task("SST-2");
    data.train = test::learnable_examples(48, 1);
    data.dev = dev;
    data.selection = selection;
    return train({.model = model,
                  .catalogue = catalogue,
                  .data = data,
                  .method = parse_method("full"),
                  .learning_rate = 1e-3,
                  .seed = 1,
                  .options = {.epochs = 4, .batch_size = 8, .evaluate_every = 2, .dropout = 0.1}},
                 control);
  }

  PretrainedModel model = test::load_on_device(test::golden("model/tiny"));
  ParameterCatalogue catalogue = model.network->catalogue(2);
  Dataset one = test::learnable_examples(32, 2);
  Dataset other = with_wrong_labels(test::learnable_examples(40, 3));
};

double accuracy_of(const Evaluation& evaluation) {
  return evaluation.scores[static_cast<std::size_t>(Metric::kAccuracy)];
}

TEST_F(ChosenStep, IsTheOneThatIsBestOnOtherExamplesThanThoseReported) {
  const TrainResult apart = run(one, other);
  const TrainResult on_one = run(one, {});
  const TrainResult on_other = run(other, {});
  ASSERT_NE(on_one.best_evaluation, on_other.best_evaluation);
  EXPECT_EQ(apart.best_evaluation, on_other.best_evaluation);
  ASSERT_EQ(apart.evaluations.size(), 12U);
  for (std::size_t i = 0; i < apart.evaluations.size(); ++i) {
    EXPECT_EQ(accuracy_of(apart.evaluations[i]), accuracy_of(on_one.evaluations[i]));
    EXPECT_EQ(apart.evaluations[i].selection_score, accuracy_of(on_other.evaluations[i]));
    EXPECT_EQ(on_one.evaluations[i].selection_score, accuracy_of(on_one.evaluations[i]));
  }
  EXPECT_EQ(apart.predictions.logits, on_one.predictions.logits);
}

TEST_F(ChosenStep, IsTheSameInARunThatWasInterrupted) {
  const test::TemporaryFolder folder;
  const TrainResult whole = run(one, other);
  int polls = 0;
  run(one, other,
      {.next_action = [&] { return ++polls == 15 ? NextAction::kSaveAndStop : NextAction::kContinue; },
       .save = [&](const TrainState& state) { save_checkpoint(folder.path() / "state", state); }});
  const TrainState saved = load_checkpoint(folder.path() / "state");
  ASSERT_LT(saved.result.steps, whole.steps);
  ASSERT_FALSE(saved.result.evaluations.empty());
  const TrainResult resumed = run(one, other, {.resume = &saved});
  EXPECT_EQ(resumed.best_evaluation, whole.best_evaluation);
  ASSERT_EQ(resumed.evaluations.size(), whole.evaluations.size());
  for (std::size_t i = 0; i < whole.evaluations.size(); ++i) {
    EXPECT_EQ(resumed.evaluations[i].selection_score, whole.evaluations[i].selection_score);
  }
}

// The state of an earlier version has no selection score.
TEST_F(ChosenStep, IsChosenOnTheDevelopmentSetAfterACheckpointOfAnEarlierVersion) {
  const TrainResult whole = run(one, {});
  TrainState saved;
  run(one, {},
      {.next_action = [&] { return saved.result.steps == 0 ? NextAction::kSave : NextAction::kContinue; },
       .save =
           [&](const TrainState& state) {
             if (state.result.evaluations.size() == 8) saved = state;
           }});
  ASSERT_EQ(saved.result.evaluations.size(), 8U);
  for (Evaluation& evaluation : saved.result.evaluations) {
    evaluation.selection_score = std::numeric_limits<double>::quiet_NaN();
  }
  const TrainResult resumed = run(one, {}, {.resume = &saved});
  EXPECT_EQ(resumed.best_evaluation, whole.best_evaluation);
  EXPECT_EQ(resumed.evaluations.front().selection_score, accuracy_of(whole.evaluations.front()));
}

}  // namespace
}  // namespace tunescope
