#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "support/catalogue_lookup.hpp"
#include "support/device.hpp"
#include "support/golden.hpp"
#include "tunescope/data/packed_batch.hpp"
#include "tunescope/io/safetensors.hpp"
#include "tunescope/kernels/training/batch_losses.hpp"
#include "tunescope/model/bert/bert.hpp"
#include "tunescope/model/pass.hpp"
#include "tunescope/train/schedule.hpp"
#include "tunescope/train/trainer.hpp"
#include "tunescope/train/training_sink.hpp"

namespace tunescope {
namespace {

using Json = nlohmann::json;

Dataset golden_dataset(const Json& examples) {
  Dataset dataset;
  for (const Json& example : examples) {
    for (const std::int32_t id : example["input_ids"]) dataset.token_ids.push_back(id);
    for (const std::int32_t type : example["type_ids"]) dataset.type_ids.push_back(type);
    dataset.offsets.push_back(static_cast<std::int64_t>(dataset.token_ids.size()));
    dataset.labels.push_back(example["label"].get<float>());
  }
  return dataset;
}

Json read_json(const std::string& name) {
  std::ifstream file(test::golden(name));
  return Json::parse(file);
}

// Thirty steps of the tiny model over the same batches as a loop in transformers and torch.
class TrainingCurve : public ::testing::TestWithParam<std::string> {
 protected:
  // The pre-trained model with its head.
  Parameters stored_parameters() const {
    Parameters parameters = model.backbone;
    for (const char* const name : {"classifier.weight", "classifier.bias"}) {
      parameters.push_back(weights.float_tensor(name).to(test::device()));
    }
    return parameters;
  }

  // `parameters` with those of the additions.
  void expect_curve(const Json& expected, const Additions& additions, Parameters parameters) const {
    const Json golden = read_json("train/curve.json");
    const Json& options = golden["hyper_parameters"];
    TrainableParameters trainable(additions.catalogue(),
                                  select_parameters(parse_method(GetParam()), additions.catalogue(), {}), parameters);
    TrainingSink sink({&trainable});
    const Dataset dataset = golden_dataset(golden["examples"]);
    const std::int64_t batch_size = options["batch_size"];
    const Schedule schedule{.warmup_steps = options["warmup_steps"], .total_steps = options["steps"]};
    for (std::int64_t step = 0; step < schedule.total_steps; ++step) {
      std::vector<std::int64_t> examples;
      for (std::int64_t i = 0; i < batch_size; ++i) examples.push_back((step * batch_size + i) % dataset.size());
      const PackedBatch batch = pack(dataset, examples, false);
      Pass pass(*model.network, ModelInput{parameters, batch, std::nullopt, nullptr, &additions}, {.sink = &sink});
      const Loss loss = batch_loss(pass.logits().front(), batch.labels);
      const auto index = static_cast<std::size_t>(step);
      EXPECT_NEAR(loss.value(), expected["loss"][index].get<double>(), 1e-4) << "step " << step;
      trainable.zero_grad();
      pass.backward(loss.logits_gradient);
      const auto gradients = trainable.finish_gradients();
      const double norm = gradients.norm().item<double>();
      EXPECT_NEAR(norm / expected["gradient_norm"][index].get<double>(), 1.0, 1e-3) << "step " << step;
      trainable.step(gradients, loss.mean,
                     {.learning_rate = expected["base_learning_rate"].get<double>() * schedule.factor(step),
                      .weight_decay = options["weight_decay"],
                      .clip_norm = options["clip_norm"]});
    }
  }

  PretrainedModel model = test::load_on_device(test::golden("model/tiny"));
  Safetensors weights = Safetensors::open_folder(test::golden("model/tiny"));
  ParameterCatalogue catalogue = model.network->catalogue(3);
};

TEST_P(TrainingCurve, FollowsTransformers) {
  expect_curve(read_json("train/curve.json")["methods"][GetParam()], Additions(catalogue), stored_parameters());
}

INSTANTIATE_TEST_SUITE_P(Methods, TrainingCurve, ::testing::Values("full", "layernorm"));

class AddedCurve : public TrainingCurve {};

TEST_P(AddedCurve, FollowsPeftOrTheLibraryAdapters) {
  const bool is_adapter = GetParam().starts_with("adapter");
  const Json expected =
      read_json(is_adapter ? "train/adapters_curve.json" : "train/peft_curve.json")["methods"][GetParam()];
  const Additions additions = additions_of(parse_method(GetParam()), catalogue);
  Parameters parameters = stored_parameters();
  additions.append_initial(parameters, 1);
  for (const auto& [name, numbers] : expected["initial"].items()) {
    const at::Tensor& own = parameters[test::index_of(additions.catalogue(), name)];
    own.copy_(at::tensor(numbers.get<std::vector<float>>()).view(own.sizes()));
  }
  expect_curve(expected, additions, parameters);
}

INSTANTIATE_TEST_SUITE_P(Methods, AddedCurve,
                         ::testing::Values("lora:rank=4,alpha=8", "ia3", "adapter:size=8",
                                           "adapter:placement=pfeiffer,size=8",
                                           "adapter:placement=pfeiffer,size=8+layernorm"));

class DropoutCurve : public ::testing::TestWithParam<std::size_t> {};

// Whole runs, from the seed to the evaluation, as a loop in transformers and torch under the same masks, which are
// drawn there by an implementation of its own.
TEST_P(DropoutCurve, FollowsTransformersUnderTheSameMasks) {
  const Json golden = read_json("train/dropout_curve.json")["runs"][GetParam()];
  const bool is_regression = golden["outputs"] == 1;
  PretrainedModel model = test::load_on_device(test::golden("model/tiny"));
  BertConfig config = read_bert_config(test::golden("model/tiny/config.json")).config;
  config.dropout = DropoutProbabilities::uniform(golden["dropout"]["hidden_dropout_prob"]);
  config.dropout.attention_probabilities = golden["dropout"]["attention_probs_dropout_prob"];
  config.dropout.pooled = golden["dropout"]["classifier_dropout"];
  model.network = make_bert(config);
  const ParameterCatalogue catalogue = model.network->catalogue(golden["outputs"]);
  const Dataset examples = golden_dataset(read_json("train/curve.json")["examples"]);
  const TaskData data{.task = &glue_task(is_regression ? "STS-B" : "MNLI"),
                      .train = examples,
                      .dev = examples,
                      .mismatched_dev = {},
                      .content_hash = {}};
  const TrainResult result = train({.model = model,
                                    .catalogue = catalogue,
                                    .data = data,
                                    .method = parse_method(golden["method"].get<std::string>()),
                                    .learning_rate = golden["learning_rate"],
                                    .seed = golden["seed"],
                                    .options = {.epochs = 4,
                                                .max_steps = golden["steps"],
                                                .batch_size = golden["batch_size"],
                                                .warmup_fraction = golden["warmup_fraction"],
                                                .weight_decay = golden["weight_decay"],
                                                .clip_norm = golden["clip_norm"]}},
                                   {});
  ASSERT_EQ(result.history.size(), golden["loss"].size());
  for (std::size_t step = 0; step < result.history.size(); ++step) {
    EXPECT_NEAR(result.history[step].loss, golden["loss"][step].get<double>(), 1e-4) << "step " << step;
    EXPECT_NEAR(result.history[step].gradient_norm / golden["gradient_norm"][step].get<double>(), 1.0, 1e-3)
        << "step " << step;
  }
  const auto outputs = static_cast<std::size_t>(result.predictions.output_size);
  for (std::size_t i = 0; i < result.predictions.logits.size(); ++i) {
    EXPECT_NEAR(result.predictions.logits[i], golden["logits"][i / outputs][i % outputs].get<double>(), 1e-3)
        << "logit " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Runs, DropoutCurve, ::testing::Range(std::size_t{0}, std::size_t{4}));

}  // namespace
}  // namespace tunescope
