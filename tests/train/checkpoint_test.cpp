#include "tunescope/train/checkpoint.hpp"

#include <ATen/ops/empty.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "support/golden.hpp"
#include "support/limited_allocator.hpp"
#include "support/temporary_folder.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/io/checked_tensors.hpp"
#include "tunescope/random/stream.hpp"

namespace tunescope {
namespace {

// 50 examples for the tiny model: two epochs of 13 steps at a batch of 4, evaluated in the middle of an epoch too.
class Checkpoint : public ::testing::TestWithParam<const char*> {
 protected:
  Checkpoint() {
    data.task = &glue_task("RTE");
    data.train = random_examples(50);
    data.dev = random_examples(400);  // an evaluation of two passes
  }

  static Dataset random_examples(int count) {
    Dataset dataset;
    RandomStream stream(random_key(static_cast<std::uint64_t>(count), RandomUse::kDemo));
    for (int example = 0; example < count; ++example) {
      const std::uint64_t length = 3 + stream.below(20);
      for (std::uint64_t t = 0; t < length; ++t) {
        dataset.token_ids.push_back(static_cast<std::int32_t>(stream.below(120)));
        dataset.type_ids.push_back(t > length / 2 ? 1 : 0);
      }
      dataset.offsets.push_back(dataset.offsets.back() + static_cast<std::int64_t>(length));
      dataset.labels.push_back(static_cast<float>(stream.below(2)));
    }
    return dataset;
  }

  TrainInputs inputs(const std::string& method) const {
    return {.model = model,
            .catalogue = catalogue,
            .data = data,
            .method = parse_method(method),
            .learning_rate = 1e-3,
            .seed = 5,
            .options = {.epochs = 2, .batch_size = 4, .evaluate_every = 5, .dropout = 0.1}};
  }

  PretrainedModel model = load_pretrained(test::golden("model/tiny"));
  ParameterCatalogue catalogue = model.network->catalogue(2);
  TaskData data;
  test::TemporaryFolder folder;
};

void expect_equal(const TrainedModel& found, const TrainedModel& expected) {
  for (std::size_t i = 0; i < expected.parameters.size(); ++i) {
    ASSERT_TRUE(found.parameters[i].equal(expected.parameters[i])) << i;
  }
  ASSERT_EQ(found.result.steps, expected.result.steps);
  ASSERT_EQ(found.result.history.size(), expected.result.history.size());
  for (std::size_t step = 0; step < expected.result.history.size(); ++step) {
    EXPECT_EQ(found.result.history[step].loss, expected.result.history[step].loss);
    EXPECT_EQ(found.result.history[step].gradient_norm, expected.result.history[step].gradient_norm);
  }
  ASSERT_EQ(found.result.evaluations.size(), expected.result.evaluations.size());
  for (std::size_t i = 0; i < expected.result.evaluations.size(); ++i) {
    EXPECT_EQ(found.result.evaluations[i].loss, expected.result.evaluations[i].loss);
    EXPECT_EQ(found.result.evaluations[i].scores[0], expected.result.evaluations[i].scores[0]);
  }
  EXPECT_EQ(found.result.best_evaluation, expected.result.best_evaluation);
  EXPECT_EQ(found.result.trainable_parameters, expected.result.trainable_parameters);
  EXPECT_EQ(found.result.total_parameters, expected.result.total_parameters);
  EXPECT_EQ(found.result.predictions.logits, expected.result.predictions.logits);
  EXPECT_EQ(found.result.throughput.examples, expected.result.throughput.examples);
  EXPECT_EQ(found.result.throughput.tokens, expected.result.throughput.tokens);
}

// Each piece ends when the run has polled `next_action` a given number of times.
TEST_P(Checkpoint, ResumedRunEqualsAnUninterruptedOneBitForBit) {
  const TrainInputs trial = inputs(GetParam());
  std::vector<std::int64_t> polled_at;  // steps done
  const TrainedModel whole =
      train_model(trial, {.on_progress = [&](std::int64_t step, std::int64_t) { polled_at.push_back(step); }});
  ASSERT_EQ(whole.result.steps, 26);
  // Twice within each evaluation and once after it; the last one ends the run.
  ASSERT_EQ(std::count(polled_at.begin(), polled_at.end(), 5), 3);
  ASSERT_EQ(std::count(polled_at.begin(), polled_at.end(), 26), 2);
  ASSERT_EQ(polled_at.size(), 37);
  for (const std::vector<std::int64_t>& cuts : std::vector<std::vector<std::int64_t>>{
           {1}, {5}, {6}, {7}, {17}, {36}, {37}, {3, 1, 10, 6}, {5, 1, 2, 3, 4}, {37, 2}}) {
    std::optional<TrainState> state;
    for (const std::int64_t cut : cuts) {
      std::int64_t asked = 0;
      const auto stop_at_cut = [&] { return ++asked == cut ? NextAction::kSaveAndStop : NextAction::kContinue; };
      const TrainedModel part =
          train_model(trial, {.next_action = stop_at_cut,
                              .save = [&](const TrainState& saved) { save_checkpoint(folder.path() / "c", saved); },
                              .resume = state ? &*state : nullptr});
      EXPECT_EQ(part.result.end, TrialEnd::kStopped);
      state = load_checkpoint(folder.path() / "c");
    }
    EXPECT_TRUE(cuts.size() > 1 || state->result.steps == polled_at[static_cast<std::size_t>(cuts.front() - 1)]);
    expect_equal(train_model(trial, {.resume = &*state}), whole);
  }
}

INSTANTIATE_TEST_SUITE_P(Methods, Checkpoint,
                         ::testing::Values("full", "layernorm", "head", "random:fraction=0.3", "bitfit",
                                           "ia3+lora:rank=2,dropout=0.1",
                                           "adapter:placement=pfeiffer,size=3+layernorm"));

TEST_F(Checkpoint, InBfloat16ResumedRunEqualsAnUninterruptedOneBitForBit) {
  const Bfloat16Weights bfloat16_weights(model);
  TrainInputs trial = inputs("full");
  trial.bfloat16_weights = &bfloat16_weights;
  std::int64_t asked = 0;
  train_model(trial, {.next_action = [&] { return ++asked == 9 ? NextAction::kSaveAndStop : NextAction::kContinue; },
                      .save = [&](const TrainState& state) { save_checkpoint(folder.path() / "c", state); }});
  const TrainState state = load_checkpoint(folder.path() / "c");
  expect_equal(train_model(trial, {.resume = &state}), train_model(trial, {}));
}

// With other importances, the same method chooses as many scalars, but others.
TEST_F(Checkpoint, OfAnotherSelectionStartsFromScratch) {
  const std::filesystem::path file = folder.path() / "c";
  TrainInputs trial = inputs("random:fraction=0.3");
  train_model(trial, {.next_action = [] { return NextAction::kSaveAndStop; },
                      .save = [&](const TrainState& state) { save_checkpoint(file, state); }});
  const TrainState state = load_checkpoint(file);
  EXPECT_EQ(state.result.steps, 1);
  ++trial.seed;
  std::vector<std::int64_t> steps;
  const TrainedModel anew = train_model(
      trial, {.on_step = [&](std::int64_t step, const Parameters&) { steps.push_back(step); }, .resume = &state});
  EXPECT_EQ(steps.front(), 1);
  expect_equal(anew, train_model(trial, {}));
}

TEST_F(Checkpoint, SavingDoesNotDisturbTheRun) {
  const TrainInputs trial = inputs("full");
  const TrainedModel saved =
      train_model(trial, {.next_action = [] { return NextAction::kSave; },
                          .save = [&](const TrainState& state) { save_checkpoint(folder.path() / "c", state); }});
  expect_equal(saved, train_model(trial, {}));
}

TEST_F(Checkpoint, DamageIsFoundAndNamed) {
  const std::filesystem::path file = folder.path() / "c";
  train_model(inputs("layernorm"), {.next_action = [] { return NextAction::kSaveAndStop; },
                                    .save = [&](const TrainState& state) { save_checkpoint(file, state); }});
  const std::string good = test::read_bytes(file);
  for (std::size_t position = 9; position < good.size(); position += good.size() / 40) {
    std::string flipped = good;
    flipped[position] = static_cast<char>(flipped[position] ^ 4);
    folder.write("c", flipped);
    EXPECT_NE(test::message_of<DataError>([&] { load_checkpoint(file); }).find(file.string()), std::string::npos)
        << "byte " << position;
  }
  for (const std::size_t size : {std::size_t{0}, std::size_t{5}, good.size() / 2, good.size() - 1}) {
    folder.write("c", good.substr(0, size));
    EXPECT_THROW(load_checkpoint(file), DataError) << size << " bytes";
  }
}

// The checksum holds: the file is one that another program wrote, or for another purpose.
TEST_F(Checkpoint, MetricsThatCameLaterAreMissing) {
  const std::filesystem::path file = folder.path() / "c";
  train_model(inputs("layernorm"), {.next_action = [] { return NextAction::kSaveAndStop; },
                                    .save = [&](const TrainState& state) { save_checkpoint(file, state); }});
  CheckedTensors earlier = read_checked_tensors(file);
  earlier.text =
      R"({"steps":1,"seconds":1,"best_evaluation":0,"output_size":2,"history":[],"evaluations":[[1,1,1,[0.5]]]})";
  write_checked_tensors(file, earlier);
  const Scores scores = load_checkpoint(file).result.evaluations.at(0).scores;
  ASSERT_EQ(scores.size(), all_metrics().size());
  EXPECT_EQ(scores.front(), 0.5);
  EXPECT_TRUE(std::isnan(scores.back()));
}

TEST_F(Checkpoint, ContentOfAnotherKindIsRefused) {
  const std::filesystem::path file = folder.path() / "c";
  train_model(inputs("layernorm"), {.next_action = [] { return NextAction::kSaveAndStop; },
                                    .save = [&](const TrainState& state) { save_checkpoint(file, state); }});
  const CheckedTensors good = read_checked_tensors(file);
  const auto refusal = [&](const CheckedTensors& saved) {
    write_checked_tensors(file, saved);
    return test::message_of<DataError>([&] { load_checkpoint(file); });
  };
  for (std::size_t i = 0; i < good.tensors.size(); ++i) {
    CheckedTensors other = good;
    other.tensors[i].second = good.tensors[i].second.to(at::kDouble);
    EXPECT_NE(refusal(other).find(good.tensors[i].first), std::string::npos);
    other.tensors[i].second = good.tensors[i].second.unsqueeze(0);
    EXPECT_NE(refusal(other).find(good.tensors[i].first), std::string::npos);
  }
  CheckedTensors other = good;
  std::erase_if(other.tensors, [](const auto& named) { return named.first == "first_moments"; });
  other.tensors.insert(other.tensors.begin(), {"first_moments", at::empty({1})});
  EXPECT_NE(refusal(other).find("first_moments"), std::string::npos);
  for (
      const char* text :
      {"", "7", "[]", R"({"steps":1,"seconds":1,"best_evaluation":1,"output_size":2,"history":[],"evaluations":[]})",
       R"({"steps":1,"seconds":1,"best_evaluation":0,"output_size":2,"history":[],"evaluations":[[1,1,1,[1,2,3,4,5,6,7]]]})",
       R"({"steps":1.5,"seconds":1,"best_evaluation":0,"output_size":2,"history":[],"evaluations":[]})",
       R"({"steps":1,"seconds":1,"best_evaluation":-1,"output_size":2,"history":[],"evaluations":[]})"}) {
    other = good;
    other.text = text;
    EXPECT_NE(refusal(other).find(file.string()), std::string::npos) << text;
  }
}

TEST_F(Checkpoint, BatchThatDoesNotFitIsComputedInParts) {
  TrainInputs trial = inputs("layernorm");
  trial.options.batch_size = 25;
  trial.options.max_steps = 3;
  const TrainedModel whole = train_model(trial, {});
  for (const auto refuse : {test::refuse_as_libtorch, test::refuse_as_cuda}) {
    std::vector<StepRecord> history;
    {
      const test::LimitedAllocator limited(60'000, refuse);  // the intermediate layer of 25 examples takes about 80 kB
      history = train_model(trial, {}).result.history;
    }
    ASSERT_EQ(history.size(), whole.result.history.size());
    for (std::size_t step = 0; step < history.size(); ++step) {
      EXPECT_NEAR(history[step].loss, whole.result.history[step].loss, 1e-5);
      EXPECT_NEAR(history[step].gradient_norm, whole.result.history[step].gradient_norm, 1e-4);
    }
  }
}

TEST_F(Checkpoint, ExampleThatDoesNotFitIsAnError) {
  const test::LimitedAllocator limited(1'000);
  EXPECT_THROW(train_model(inputs("layernorm"), {}), c10::OutOfMemoryError);
}

}  // namespace
}  // namespace tunescope
