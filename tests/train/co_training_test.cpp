#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <memory>

#include "support/catalogue_lookup.hpp"
#include "support/golden.hpp"
#include "support/learnable_examples.hpp"
#include "support/limited_allocator.hpp"
#include "support/started_runs.hpp"
#include "support/temporary_folder.hpp"
#include "support/trained_parameters.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/base/hostname.hpp"
#include "tunescope/device/failure.hpp"
#include "tunescope/train/training_run.hpp"

namespace tunescope {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;

TaskData task_data(const std::string& task, std::int64_t examples, std::uint64_t seed) {
  return {.task = &glue_task(task),
          .train = test::learnable_examples(examples, seed),
          .dev = test::learnable_examples(16, seed + 1),
          .mismatched_dev = {},
          .content_hash = {}};
}

// Runs of the tiny model that differ in everything that co-trained runs may differ in: method, learning rate, seed,
// task, head size, batch size and number of steps.
class CoTraining : public ::testing::Test {
 protected:
  CoTraining() {
    add(classes, two_outputs, "layernorm", 1e-3, 1, {.epochs = 4, .batch_size = 8});
    add(classes, two_outputs, "layernorm", 5e-4, 2, {.epochs = 4, .batch_size = 8});
    add(classes, two_outputs, "bitfit", 1e-3, 1, {.epochs = 2, .batch_size = 8});
    add(values, one_output, "layernorm-output", 1e-3, 3, {.epochs = 5, .batch_size = 16});
    add(three_classes, three_outputs, "random:pool=layernorm,fraction=0.3", 1e-3, 4, {.epochs = 4, .batch_size = 5});
    add(classes, two_outputs, "head", 1e-3, 5, {.epochs = 4, .batch_size = 8});
    add(classes, two_outputs, "full", 1e-4, 6, {.epochs = 4, .batch_size = 8});
  }

  void add_runs_with_added_tensors() {
    add(classes, two_outputs, "lora:rank=2", 1e-3, 7, {.epochs = 4, .batch_size = 8});
    add(values, one_output, "layernorm+lora:rank=5,dropout=0.2,targets=intermediate+query", 1e-3, 8,
        {.epochs = 2, .batch_size = 16});
    add(three_classes, three_outputs, "ia3", 3e-3, 9, {.epochs = 4, .batch_size = 5});
    add(classes, two_outputs, "adapter:size=6", 1e-3, 10, {.epochs = 3, .batch_size = 8});
    add(values, one_output, "adapter:placement=pfeiffer,size=4+layernorm", 1e-3, 11, {.epochs = 2, .batch_size = 16});
  }

  void add(const TaskData& data, const ParameterCatalogue& catalogue, const std::string& method, double learning_rate,
           std::uint64_t seed, TrainOptions options) {
    options.dropout = 0.1;
    trials.push_back({.model = model,
                      .catalogue = catalogue,
                      .data = data,
                      .method = parse_method(method),
                      .learning_rate = learning_rate,
                      .seed = seed,
                      .options = options});
  }

  // Trains all runs in one group. Each leaves it when it is over.
  std::vector<std::unique_ptr<TrainingRun>> run_together(const std::vector<TrainControl>& controls) {
    std::vector<std::unique_ptr<TrainingRun>> runs;
    for (std::size_t i = 0; i < trials.size(); ++i) {
      runs.push_back(std::make_unique<TrainingRun>(trials[i], controls[i]));
    }
    for (;;) {
      std::vector<TrainingRun*> group;
      for (const auto& run : runs) {
        if (!run->is_over()) group.push_back(run.get());
      }
      if (group.empty()) return runs;
      TrainingRun::step_together(group);
    }
  }

  void expect_near(const TrainedModel& found, const TrainedModel& expected) {
    EXPECT_EQ(found.result.steps, expected.result.steps);
    test::expect_near_parameters(two_outputs, found.parameters, expected.parameters);
    EXPECT_NEAR(found.result.evaluations.back().loss, expected.result.evaluations.back().loss, 1e-5);
  }

  PretrainedModel model = load_pretrained(test::golden("model/tiny"));
  ParameterCatalogue one_output = model.network->catalogue(1);
  ParameterCatalogue two_outputs = model.network->catalogue(2);
  ParameterCatalogue three_outputs = model.network->catalogue(3);
  TaskData classes = task_data("SST-2", 40, 1);
  TaskData values = task_data("STS-B", 64, 2);
  TaskData three_classes = task_data("MNLI", 30, 3);
  std::vector<TrainInputs> trials;
};

TEST_F(CoTraining, EachTrainsAsItDoesAlone) {
  const auto runs = run_together(std::vector<TrainControl>(trials.size()));
  for (std::size_t i = 0; i < trials.size(); ++i) {
    SCOPED_TRACE(trials[i].method.text());
    expect_near(std::move(*runs[i]).finish(), train_model(trials[i], {}));
  }
}

TEST_F(CoTraining, CombinationsAndControlsTrainAsTheyDoAlone) {
  add(classes, two_outputs, "bitfit+random:fraction=0.3", 1e-3, 7, {.epochs = 4, .batch_size = 8});
  add(classes, two_outputs, "magnitude:fraction=0.2", 1e-3, 9, {.epochs = 3, .batch_size = 8});
  add(classes, two_outputs, "layernorm-bias:layers=last1", 1e-3, 9, {.epochs = 3, .batch_size = 8});
  add(values, one_output, "layernorm-output+random:pool=bitfit,fraction=0.5", 1e-3, 8, {.epochs = 3, .batch_size = 8});
  const auto runs = run_together(std::vector<TrainControl>(trials.size()));
  for (std::size_t i = 0; i < trials.size(); ++i) {
    SCOPED_TRACE(trials[i].method.text());
    expect_near(std::move(*runs[i]).finish(), train_model(trials[i], {}));
  }
}

TEST_F(CoTraining, EachTrainsAsItDoesAloneBesideRunsWithAddedTensors) {
  add_runs_with_added_tensors();
  const auto runs = run_together(std::vector<TrainControl>(trials.size()));
  for (std::size_t i = 0; i < trials.size(); ++i) {
    SCOPED_TRACE(trials[i].method.text());
    expect_near(std::move(*runs[i]).finish(), train_model(trials[i], {}));
  }
}

// LoRA's dropout is the method's own: that of the model may be off.
TEST_F(CoTraining, RunsWithAndWithoutDropoutTrainTogether) {
  add_runs_with_added_tensors();
  for (TrainInputs& trial : trials) trial.options.dropout = 0.0;
  const auto [runs, group] = test::StartedRuns(trials);
  EXPECT_TRUE(TrainingRun::step_together(group).fit_in_memory);
  for (const auto& run : runs) EXPECT_EQ(run->steps_done(), 1);
}

TEST_F(CoTraining, EachHasAPoolerOfItsOwnIfTheModelHasNone) {
  model.has_pooler = false;
  const auto runs = run_together(std::vector<TrainControl>(trials.size()));
  for (std::size_t i = 0; i < trials.size(); ++i) {
    SCOPED_TRACE(trials[i].method.text());
    const TrainedModel together = std::move(*runs[i]).finish();
    expect_near(together, train_model(trials[i], {}));
    const Parameters initial = with_new_head(model, trials[i].catalogue, trials[i].seed);
    const ParameterIndex pooler = test::index_of(trials[i].catalogue, "bert.pooler.dense.weight");
    const double moved = together.parameters[pooler].sub(initial[pooler]).abs().mean().item<double>();
    EXPECT_NEAR(together.result.change[pooler].mean_abs, moved, 1e-6 * moved);
  }
}

// A sum in another order may round to the neighbouring bfloat16 number: a relative error of 2^-8, averaged over many.
// How far apart the losses end depends on the instructions that the products use: up to 1.1e-3 was seen.
TEST_F(CoTraining, InBfloat16EachTrainsAsItDoesAlone) {
  add_runs_with_added_tensors();
  const Bfloat16Weights bfloat16_weights(model);
  for (TrainInputs& trial : trials) trial.bfloat16_weights = &bfloat16_weights;
  const auto runs = run_together(std::vector<TrainControl>(trials.size()));
  for (std::size_t i = 0; i < trials.size(); ++i) {
    SCOPED_TRACE(trials[i].method.text());
    const TrainedModel alone = train_model(trials[i], {});
    const TrainedModel together = std::move(*runs[i]).finish();
    EXPECT_NEAR(together.result.evaluations.back().loss, alone.result.evaluations.back().loss, 3e-3);
  }
}

TEST_F(CoTraining, DivergedOneLeavesTheOthersAsTheyAre) {
  trials[1].learning_rate = 1e30;
  trials[1].options.clip_norm = 0.0;
  const auto runs = run_together(std::vector<TrainControl>(trials.size()));
  for (std::size_t i = 0; i < trials.size(); ++i) {
    SCOPED_TRACE(trials[i].method.text());
    const TrainedModel trained = std::move(*runs[i]).finish();
    EXPECT_EQ(trained.result.end, i == 1 ? TrialEnd::kDiverged : TrialEnd::kDone);
    if (i != 1) expect_near(trained, train_model(trials[i], {}));
  }
}

TEST_F(CoTraining, ExceptionInOneLeavesTheOthersAsTheyAre) {
  std::vector<TrainControl> controls(trials.size());
  controls[3].on_step = [](std::int64_t step, const Parameters&) {
    if (step == 3) throw Error("no space left");
  };
  const auto runs = run_together(controls);
  EXPECT_THROW(std::move(*runs[3]).finish(), Error);
  expect_near(std::move(*runs[0]).finish(), train_model(trials[0], {}));
}

TEST_F(CoTraining, ExceptionOfABrokenDeviceIsNotThatOfARun) {
  std::vector<TrainControl> controls(trials.size());
  controls[3].on_step = [](std::int64_t step, const Parameters&) {
    if (step == 3) throw Error("unspecified launch failure\nlines of advice");
  };
  const ReplacedDeviceProbe broken([](at::Device) { return "an illegal memory access was encountered"; });
  EXPECT_THAT(test::message_of<DeviceError>([&] { run_together(controls); }),
              AllOf(HasSubstr("cpu of " + hostname()), HasSubstr("an illegal memory access was encountered"),
                    EndsWith("unspecified launch failure")));
}

// A token that the model does not have stops the pass itself, with all models in it.
TEST_F(CoTraining, ExceptionInThePassOfOneLeavesTheOthersAsTheyAre) {
  TaskData broken = three_classes;
  broken.train.token_ids.back() = 1'000'000;
  trials.push_back({.model = model,
                    .catalogue = three_outputs,
                    .data = broken,
                    .method = parse_method("layernorm"),
                    .learning_rate = 1e-3,
                    .seed = 1,
                    .options = {.epochs = 2, .batch_size = 5, .dropout = 0.1}});
  const auto runs = run_together(std::vector<TrainControl>(trials.size()));
  EXPECT_ANY_THROW(std::move(*runs.back()).finish());
  expect_near(std::move(*runs[0]).finish(), train_model(trials[0], {}));

  const ReplacedDeviceProbe probe([](at::Device) { return "uncorrectable ECC error encountered"; });
  EXPECT_THROW(run_together(std::vector<TrainControl>(trials.size())), DeviceError);
  EXPECT_THROW(train_model(trials.back(), {}), DeviceError);
}

// The intermediate values of the seven batches take about 50 kB together and up to 12 kB each.
TEST_F(CoTraining, GroupThatDoesNotFitIsComputedInSmallerOnes) {
  const auto [runs, group] = test::StartedRuns(trials);
  {
    const test::LimitedAllocator limited(30'000);
    EXPECT_FALSE(TrainingRun::step_together(group).fit_in_memory);
  }
  EXPECT_TRUE(TrainingRun::step_together(group).fit_in_memory);
  while (!runs[0]->is_over()) TrainingRun::step_together({group.data(), 1});
  expect_near(std::move(*runs[0]).finish(), train_model(trials[0], {}));
}

// The losses and norms of the seven runs are read as 14 numbers of 8 bytes; no other block is of that size.
TEST_F(CoTraining, GroupWhoseUpdateDoesNotFitIsUpdatedInSmallerOnes) {
  const auto [runs, group] = test::StartedRuns(trials);
  {
    int refused = 0;
    const test::LimitedAllocator limited([&](std::size_t bytes) { return bytes == 7 * 2 * 8 && ++refused > 0; });
    EXPECT_FALSE(TrainingRun::step_together(group).fit_in_memory);
    EXPECT_EQ(refused, 1);
  }
  for (std::size_t i = 0; i < trials.size(); ++i) {
    SCOPED_TRACE(trials[i].method.text());
    while (!runs[i]->is_over()) TrainingRun::step_together({&group[i], 1});
    expect_near(std::move(*runs[i]).finish(), train_model(trials[i], {}));
  }
}

// The chosen scalars of the last run's word embeddings do not fit when its gradient is gathered.
TEST_F(CoTraining, ExceptionInTheUpdateOfOneLeavesTheOthersAsTheyAre) {
  add(classes, two_outputs, "random:pool=full,fraction=0.3", 1e-3, 7, {.epochs = 4, .batch_size = 8});
  const auto [runs, group] = test::StartedRuns(trials);
  const std::size_t bytes_of_chosen = runs.back()->chosen_scalars().front().second.numel() * sizeof(float);
  {
    const test::LimitedAllocator limited([&](std::size_t bytes) { return bytes == bytes_of_chosen; });
    TrainingRun::step_together(group);
  }
  EXPECT_THROW(std::move(*runs.back()).finish(), c10::OutOfMemoryError);
  for (std::size_t i = 0; i + 1 < trials.size(); ++i) {
    SCOPED_TRACE(trials[i].method.text());
    EXPECT_EQ(runs[i]->steps_done(), 1);
    while (!runs[i]->is_over()) TrainingRun::step_together({&group[i], 1});
    expect_near(std::move(*runs[i]).finish(), train_model(trials[i], {}));
  }
}

// Interrupted in a group, resumed alone.
TEST_F(CoTraining, RunSavedInAGroupResumesAlone) {
  std::vector<TrainControl> controls(trials.size());
  std::vector<TrainState> saved(trials.size());
  for (std::size_t i = 0; i < trials.size(); ++i) {
    controls[i].next_action = [] { return NextAction::kSaveAndStop; };
    controls[i].save = [&saved, i](const TrainState& state) {
      const auto& [values, first_moments, second_moments] = state.buffers;
      saved[i] = {state.result, {values.clone(), first_moments.clone(), second_moments.clone()}, state.fingerprint};
    };
  }
  run_together(controls);
  for (std::size_t i = 0; i < trials.size(); ++i) {
    SCOPED_TRACE(trials[i].method.text());
    EXPECT_EQ(saved[i].result.steps, 1);
    expect_near(train_model(trials[i], {.resume = &saved[i]}), train_model(trials[i], {}));
  }
}

TEST_F(CoTraining, EachRunIsChargedItsShareOfTheTime) {
  const auto runs = run_together(std::vector<TrainControl>(trials.size()));
  for (std::size_t i = 0; i < trials.size(); ++i) {
    const TrainResult result = std::move(*runs[i]).finish().result;
    EXPECT_GT(result.throughput.seconds, 0.0);
    EXPECT_GT(result.seconds, result.throughput.seconds) << "evaluations count too";
    EXPECT_EQ(result.throughput.examples, trials[i].options.epochs * trials[i].data.train.size());
    EXPECT_GT(result.throughput.tokens, result.throughput.examples);
  }
}

}  // namespace
}  // namespace tunescope
