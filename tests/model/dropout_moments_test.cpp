#include <ATen/ops/stack.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <numeric>
#include <string>
#include <vector>

#include "support/collected_gradients.hpp"
#include "support/device.hpp"
#include "support/golden.hpp"
#include "support/golden_batch.hpp"
#include "support/moments.hpp"
#include "support/projected_gradients.hpp"
#include "support/sink_of_each.hpp"
#include "tunescope/io/safetensors.hpp"
#include "tunescope/kernels/training/batch_losses.hpp"
#include "tunescope/model/bert/bert.hpp"
#include "tunescope/model/pass.hpp"
#include "tunescope/model/pretrained.hpp"
#include "tunescope/random/stream.hpp"

// Compares what dropout does to logits and gradients with transformers in training mode. Torch draws masks differently,
// so single draws cannot agree: means and variances over many draws are compared, in units of their standard errors.

namespace tunescope {
namespace {

constexpr std::int64_t kModels = 8;
struct Case {
  std::string model;
  std::string batch;
  std::string place;
  LastLayer last_layer = LastLayer::kPooledTokens;
  std::int64_t draws = 0;  // unless TUNESCOPE_DROPOUT_DRAWS says how many
};

std::string name_of(const Case& c) {
  return c.model + "_" + c.batch + "_" + c.place + (c.last_layer == LastLayer::kAllTokens ? "_all_tokens" : "");
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const char* place :
       {"embeddings", "attention_probabilities", "attention_output", "feed_forward_output", "pooled", "all"}) {
    for (const char* batch : {"one", "batch"}) {
      all.push_back({"tiny", batch, place, LastLayer::kPooledTokens, 2000});
      all.push_back({"tiny", batch, place, LastLayer::kAllTokens, 400});
      all.push_back({"minilm", batch, place, LastLayer::kPooledTokens, 160});
      all.push_back({"minilm", batch, place, LastLayer::kAllTokens, 160});
    }
  }
  return all;
}

DropoutProbabilities dropout_at(const std::string& place, double probability) {
  DropoutProbabilities dropout = DropoutProbabilities::uniform(place == "all" ? probability : 0.0);
  if (place == "embeddings") dropout.embeddings = probability;
  if (place == "attention_probabilities") dropout.attention_probabilities = probability;
  if (place == "attention_output") dropout.attention_output = probability;
  if (place == "feed_forward_output") dropout.feed_forward_output = probability;
  if (place == "pooled") dropout.pooled = probability;
  return dropout;
}

class DropoutMoments : public ::testing::TestWithParam<Case> {
 protected:
  std::filesystem::path model_folder() const {
    return GetParam().model == "tiny" ? test::golden("model/tiny") : test::minilm_folder();
  }
  std::int64_t draws() const {
    const char* const wanted = std::getenv("TUNESCOPE_DROPOUT_DRAWS");
    return wanted != nullptr ? std::atoll(wanted) : GetParam().draws;
  }
};

TEST_P(DropoutMoments, AreThoseOfTransformers) {
  if (!std::filesystem::exists(model_folder())) GTEST_SKIP() << model_folder() << " is not there: run scripts/setup";
  const Safetensors golden = Safetensors::open_file(test::golden("model/dropout_" + GetParam().model + ".safetensors"));
  const std::string prefix = GetParam().batch + ".";
  const PretrainedModel model = test::load_on_device(model_folder());
  BertConfig config = read_bert_config(model_folder() / "config.json").config;
  config.dropout = dropout_at(GetParam().place, golden.tensor("probability").item<double>());
  const auto network = make_bert(config);
  Parameters parameters = model.backbone;
  for (const char* part : {"weight", "bias"}) {
    parameters.push_back(golden.float_tensor(prefix + "classifier." + part).to(test::device()));
  }
  const ParameterCatalogue catalogue = network->catalogue(parameters.back().numel());
  const PackedBatch batch = test::golden_batch(golden, golden.tensor(prefix + "labels"), prefix);

  // The steps of a training run, several of them in one pass, as if each were a model of its own.
  std::vector<at::Tensor> logits, gradients;
  std::deque<test::ProjectedGradients> sinks;
  std::vector<GradientSink*> sink_of_each;
  for (std::int64_t i = 0; i < kModels; ++i) sink_of_each.push_back(&sinks.emplace_back(catalogue));
  test::SinkOfEach sink(sink_of_each);
  for (std::int64_t step = 0; step < draws(); step += kModels) {
    std::vector<ModelInput> inputs;
    for (std::int64_t i = 0; i < kModels; ++i) {
      const auto number = static_cast<std::uint64_t>(step + i);
      inputs.push_back({parameters, batch, random_key(1, RandomUse::kDropout, number)});
    }
    Pass pass(*network, inputs, {.sink = &sink, .last_layer = GetParam().last_layer});
    std::vector<at::Tensor> logits_gradients;
    for (const at::Tensor& own : pass.logits()) {
      logits_gradients.push_back(batch_loss(own, batch.labels).logits_gradient);
      logits.push_back(own.reshape({-1}).to(at::kCPU, at::kDouble));
    }
    pass.backward(logits_gradients);
    for (const test::ProjectedGradients& sink : sinks) gradients.push_back(sink.values.clone());
  }

  const auto stored = [&](const char* quantity) {
    const double stored_draws = golden.tensor("draws").to(at::kDouble).item<double>();
    return test::stored_sample(golden.tensor(prefix + GetParam().place + "." + quantity), stored_draws);
  };
  std::vector<std::string> names;
  for (std::int64_t i = 0; i < logits.front().numel(); ++i) names.push_back("logit " + std::to_string(i));
  double largest = test::expect_alike(test::describe(at::stack(logits)), stored("logits"), names);

  // The golden file has the tensors by name.
  std::vector<ParameterIndex> order(catalogue.size());
  std::iota(order.begin(), order.end(), ParameterIndex{0});
  std::sort(order.begin(), order.end(),
            [&](ParameterIndex a, ParameterIndex b) { return catalogue[a].name < catalogue[b].name; });
  const at::Tensor drawn = at::stack(gradients);  // [N, tensors, functions]
  const at::Tensor expected = golden.tensor(prefix + GetParam().place + ".gradients");
  for (std::size_t row = 0; row < order.size(); ++row) {
    const ParameterInfo& parameter = catalogue[order[row]];
    if (test::is_zero_in_theory(parameter)) continue;
    names = {parameter.name + " (projection)", parameter.name + " (second projection)",
             parameter.name + " (squared norm)"};
    const test::Sample actual = test::describe(drawn.select(1, static_cast<std::int64_t>(order[row])));
    const test::Sample wanted = test::stored_sample(expected[static_cast<std::int64_t>(row)], stored("logits").draws);
    largest = std::max(largest, test::expect_alike(actual, wanted, names));
  }
  RecordProperty("draws", std::to_string(draws()));
  RecordProperty("largest_standard_score", std::to_string(largest));
}

INSTANTIATE_TEST_SUITE_P(Places, DropoutMoments, ::testing::ValuesIn(cases()),
                         [](const auto& info) { return name_of(info.param); });

}  // namespace
}  // namespace tunescope
