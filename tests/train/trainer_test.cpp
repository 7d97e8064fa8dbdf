#include "tunescope/train/trainer.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "support/catalogue_lookup.hpp"
#include "support/device.hpp"
#include "support/golden.hpp"
#include "support/learnable_examples.hpp"
#include "tunescope/data/packed_batch.hpp"
#include "tunescope/model/pass.hpp"

namespace tunescope {
namespace {

class Trainer : public ::testing::Test {
 protected:
  TrainedModel run(const std::string& method, double learning_rate = 1e-3, std::uint64_t seed = 1,
                   const Bfloat16Weights* bfloat16_weights = nullptr) {
    const TrainInputs inputs{.model = model,
                             .catalogue = catalogue,
                             .data = data,
                             .method = parse_method(method),
                             .learning_rate = learning_rate,
                             .seed = seed,
                             .options = options,
                             .bfloat16_weights = bfloat16_weights};
    return train_model(inputs, {});
  }

  PretrainedModel model = test::load_on_device(test::golden("model/tiny"));
  ParameterCatalogue catalogue = model.network->catalogue(2);
  TaskData data{.task = &glue_task("SST-2"),
                .train = test::learnable_examples(48, 1),
                .dev = test::learnable_examples(32, 2),
                .mismatched_dev = {},
                .content_hash = {}};
  TrainOptions options{.epochs = 3, .batch_size = 8, .dropout = 0.1};
};

bool same_bits(const at::Tensor& a, const at::Tensor& b) {
  return a.contiguous().view(at::kInt).equal(b.contiguous().view(at::kInt));
}

class FrozenScalars : public Trainer, public ::testing::WithParamInterface<std::string> {};

TEST_P(FrozenScalars, KeepTheirBits) {
  const Method method = parse_method(GetParam());
  const Selection selection = select_parameters(method, catalogue, {.seed = 1, .pretrained = model.backbone});
  const TrainedModel trained = run(GetParam());
  for (ParameterIndex i = 0; i < catalogue.backbone_count(); ++i) {
    const at::Tensor& before = model.backbone[i];
    const at::Tensor& after = trained.parameters[i];
    if (selection[i].kind == TensorSelection::Kind::kNone) {
      EXPECT_TRUE(same_bits(before, after)) << catalogue[i].name;
      EXPECT_EQ(trained.result.change[i].max_abs, 0.0) << catalogue[i].name;
      continue;
    }
    EXPECT_FALSE(same_bits(before, after)) << catalogue[i].name;
    if (selection[i].kind != TensorSelection::Kind::kSubset) continue;
    const at::Tensor flat_before = before.reshape({-1}).cpu();
    const at::Tensor flat_after = after.reshape({-1}).cpu();
    const auto& chosen = selection[i].indices;
    for (std::int64_t s = 0; s < flat_before.numel(); ++s) {
      const bool is_chosen = std::binary_search(chosen.begin(), chosen.end(), s);
      EXPECT_TRUE(is_chosen || same_bits(flat_before[s], flat_after[s])) << catalogue[i].name << " " << s;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Methods, FrozenScalars,
                         ::testing::Values("full", "head", "layernorm", "layernorm-output", "layernorm-attention",
                                           "bitfit", "random:pool=layernorm,fraction=0.3",
                                           "random:pool=full,fraction=0.01", "bitfit+layernorm-attention",
                                           "layernorm+random:pool=full,fraction=0.02", "layernorm-weight",
                                           "full:layers=last1", "magnitude:pool=full,scalars=300"));

// Merged into the model, only the weights that something is added to, and with IA3 their biases.
TEST_F(Trainer, MovesTheTargetsOfAdditionsAlone) {
  for (const char* const name : {"lora:rank=2,targets=intermediate+value", "ia3"}) {
    const Additions additions = additions_of(parse_method(name), catalogue);
    const TrainedModel trained = run(name);
    ASSERT_EQ(trained.parameters.size(), additions.catalogue().size());
    const Parameters merged = additions.merged(trained.parameters);
    ASSERT_EQ(trained.result.added_change.size(), additions.catalogue().size() - catalogue.size());
    for (const AddedChange& added : trained.result.added_change) EXPECT_GT(added.change.mean_abs, 0.0) << added.tensor;
    for (ParameterIndex i = 0; i < catalogue.backbone_count(); ++i) {
      const LayerAdditions* const before = i == 0 ? nullptr : additions.of(i - 1);
      const bool has_scaled_bias = catalogue[i].is_bias && before != nullptr && !before->outputs.empty();
      const bool is_target = additions.of(i) != nullptr || has_scaled_bias;
      EXPECT_TRUE(same_bits(model.backbone[i], trained.parameters[i])) << name << " " << catalogue[i].name;
      EXPECT_EQ(same_bits(model.backbone[i], merged[i]), !is_target) << name << " " << catalogue[i].name;
      EXPECT_EQ(trained.result.change[i].max_abs > 0.0, is_target) << name << " " << catalogue[i].name;
    }
  }
}

// They are no change of any weight.
TEST_F(Trainer, MovesAdaptersAndNothingOfTheModel) {
  for (const char* const name : {"adapter:size=3", "adapter:placement=pfeiffer,size=3"}) {
    const Additions additions = additions_of(parse_method(name), catalogue);
    const TrainedModel trained = run(name);
    ASSERT_EQ(trained.parameters.size(), additions.catalogue().size());
    ASSERT_EQ(trained.result.added_change.size(), additions.catalogue().size() - catalogue.size());
    for (const AddedChange& added : trained.result.added_change) EXPECT_GT(added.change.mean_abs, 0.0) << added.tensor;
    for (ParameterIndex i = 0; i < catalogue.backbone_count(); ++i) {
      EXPECT_TRUE(same_bits(model.backbone[i], trained.parameters[i])) << name << " " << catalogue[i].name;
      EXPECT_EQ(trained.result.change[i].max_abs, 0.0) << name << " " << catalogue[i].name;
    }
  }
}

TEST_F(Trainer, EvaluatesWhatTheMergedModelComputes) {
  for (const char* const name : {"lora:rank=2,dropout=0.3", "ia3", "bitfit+ia3+lora:targets=output"}) {
    const TrainedModel trained = run(name, 1e-2);
    const Parameters merged = additions_of(parse_method(name), catalogue).merged(trained.parameters);
    std::vector<std::int64_t> examples(static_cast<std::size_t>(data.dev.size()));
    std::iota(examples.begin(), examples.end(), 0);
    const at::Tensor expected = evaluate_logits(*model.network, {merged, pack(data.dev, examples, false)});
    const std::vector<float>& logits = trained.result.predictions.logits;
    for (std::size_t i = 0; i < logits.size(); ++i) {
      EXPECT_NEAR(logits[i], expected.view(-1)[static_cast<std::int64_t>(i)].item<float>(), 1e-5) << name;
    }
  }
}

TEST_F(Trainer, IsAFunctionOfItsInputs) {
  const TrainedModel first = run("full");
  const TrainedModel second = run("full");
  for (std::size_t i = 0; i < first.parameters.size(); ++i) {
    EXPECT_TRUE(same_bits(first.parameters[i], second.parameters[i]));
  }
  EXPECT_NE(run("full", 1e-3, 2).result.history.back().loss, first.result.history.back().loss);
}

TEST_F(Trainer, LearnsARule) {
  data.train = test::learnable_examples(256, 3);
  options.epochs = 8;
  const TrainResult result = run("full", 2e-3).result;
  EXPECT_GT(result.evaluations.back().scores[static_cast<std::size_t>(Metric::kAccuracy)], 0.9);
}

TEST_F(Trainer, EvaluatesWithoutDropout) {
  options.dropout = 0.5;
  options.evaluate_every = 5;  // the last evaluation follows a step of training at once
  const TrainedModel trained = run("full");
  std::vector<std::int64_t> examples(static_cast<std::size_t>(data.dev.size()));
  std::iota(examples.begin(), examples.end(), 0);
  const at::Tensor expected = evaluate_logits(*model.network, {trained.parameters, pack(data.dev, examples, false)});
  const std::vector<float>& logits = trained.result.predictions.logits;
  ASSERT_EQ(static_cast<std::int64_t>(logits.size()), expected.numel());
  for (std::size_t i = 0; i < logits.size(); ++i) {
    EXPECT_NEAR(logits[i], expected.view(-1)[static_cast<std::int64_t>(i)].item<float>(), 1e-5);
  }
}

TEST_F(Trainer, EvaluatesAfterEachEpochAndKeepsTheFirstOfTheBest) {
  const TrainResult result = run("layernorm").result;
  ASSERT_EQ(result.evaluations.size(), 3U);
  EXPECT_EQ(result.steps, 18);
  EXPECT_EQ(result.evaluations[0].step, 6);
  EXPECT_EQ(result.evaluations[2].epoch, 3.0);
  const auto accuracy = [&](std::size_t i) {
    return result.evaluations[i].scores[static_cast<std::size_t>(Metric::kAccuracy)];
  };
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_LE(accuracy(i), accuracy(result.best_evaluation));
    EXPECT_TRUE(i >= result.best_evaluation || accuracy(i) < accuracy(result.best_evaluation));
  }
}

TEST_F(Trainer, EvaluatesEveryNStepsAndAtTheLast) {
  options.evaluate_every = 4;
  options.max_steps = 10;
  const TrainResult result = run("head").result;
  ASSERT_EQ(result.evaluations.size(), 3U);
  EXPECT_EQ(result.evaluations[0].step, 4);
  EXPECT_EQ(result.evaluations[1].step, 8);
  EXPECT_EQ(result.evaluations[2].step, 10);
}

TEST_F(Trainer, InBfloat16FollowsTheCurveOfFloat32) {
  const Bfloat16Weights bfloat16_weights(model);
  for (const std::string method : {"full", "layernorm"}) {
    SCOPED_TRACE(method);
    const TrainResult exact = run(method).result;
    const TrainResult result = run(method, 1e-3, 1, &bfloat16_weights).result;
    for (std::size_t step = 0; step < exact.history.size(); ++step) {
      EXPECT_NEAR(result.history[step].loss, exact.history[step].loss, 0.05) << step;
    }
    EXPECT_NE(result.history.back().loss, exact.history.back().loss);
  }
}

TEST_F(Trainer, StopsIfTheLossIsNotFinite) {
  options.clip_norm = 0.0;
  options.dropout = 0.0;
  const TrainResult result = run("full", 1e30).result;
  EXPECT_EQ(result.end, TrialEnd::kDiverged);
  EXPECT_LT(result.steps, 18);
  EXPECT_NE(result.message.find("step"), std::string::npos);
}

}  // namespace
}  // namespace tunescope
