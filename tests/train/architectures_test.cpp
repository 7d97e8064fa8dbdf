#include <gtest/gtest.h>

#include <memory>

#include "support/architecture_goldens.hpp"
#include "support/learnable_examples.hpp"
#include "support/temporary_folder.hpp"
#include "support/trained_parameters.hpp"
#include "tunescope/train/checkpoint.hpp"
#include "tunescope/train/training_run.hpp"

namespace tunescope {
namespace {

class ArchitectureTraining : public ::testing::TestWithParam<const char*> {
 protected:
  TrainInputs inputs(const std::string& method, std::uint64_t seed) const {
    return {.model = model,
            .catalogue = catalogue,
            .data = data,
            .method = parse_method(method),
            .learning_rate = 1e-3,
            .seed = seed,
            .options = {.epochs = 2, .batch_size = 8, .dropout = 0.1}};
  }

  PretrainedModel model = load_pretrained(test::golden(std::string("model/") + GetParam()));
  ParameterCatalogue catalogue = model.network->catalogue(2);
  TaskData data = {.task = &glue_task("SST-2"),
                   .train = test::learnable_examples(24, 1),
                   .dev = test::learnable_examples(16, 2),
                   .mismatched_dev = {},
                   .content_hash = {}};
};

TEST_P(ArchitectureTraining, OfRunsTogetherIsThatOfEachAlone) {
  const std::vector<TrainInputs> trials = {inputs("layernorm", 1), inputs("layernorm", 2), inputs("bitfit", 1),
                                           inputs("layernorm-attention", 3), inputs("random:fraction=0.3", 4)};
  std::vector<std::unique_ptr<TrainingRun>> runs;
  std::vector<TrainingRun*> group;
  for (const TrainInputs& trial : trials) {
    group.push_back(runs.emplace_back(std::make_unique<TrainingRun>(trial, TrainControl{})).get());
  }
  while (!group.front()->is_over()) TrainingRun::step_together(group);
  for (std::size_t i = 0; i < trials.size(); ++i) {
    SCOPED_TRACE(trials[i].method.text());
    const TrainedModel together = std::move(*runs[i]).finish();
    const TrainedModel alone = train_model(trials[i], {});
    EXPECT_EQ(together.result.steps, 6);
    test::expect_near_parameters(catalogue, together.parameters, alone.parameters);
    EXPECT_NEAR(together.result.evaluations.back().loss, alone.result.evaluations.back().loss, 1e-5);
  }
}

TEST_P(ArchitectureTraining, ResumedIsThatOfARunWithoutAStopBitForBit) {
  const test::TemporaryFolder folder;
  for (const char* method : {"full", "layernorm-output"}) {
    const TrainInputs trial = inputs(method, 5);
    const TrainedModel whole = train_model(trial, {});
    int asked = 0;
    const auto stop = [&] { return ++asked == 4 ? NextAction::kSaveAndStop : NextAction::kContinue; };
    train_model(trial, {.next_action = stop,
                        .save = [&](const TrainState& state) { save_checkpoint(folder.path() / "c", state); }});
    const TrainState state = load_checkpoint(folder.path() / "c");
    ASSERT_GT(state.result.steps, 0);
    ASSERT_LT(state.result.steps, whole.result.steps);
    const TrainedModel resumed = train_model(trial, {.resume = &state});
    for (ParameterIndex i = 0; i < catalogue.size(); ++i) {
      EXPECT_TRUE(resumed.parameters[i].equal(whole.parameters[i])) << method << ", " << catalogue[i].name;
    }
    EXPECT_EQ(resumed.result.predictions.logits, whole.result.predictions.logits);
  }
}

INSTANTIATE_TEST_SUITE_P(Golden, ArchitectureTraining,
                         ::testing::Values("electra", "electra-square", "distilbert", "gpt2", "gpt2-switches",
                                           "deberta", "deberta-convolution"),
                         test::name_of_golden);

}  // namespace
}  // namespace tunescope
