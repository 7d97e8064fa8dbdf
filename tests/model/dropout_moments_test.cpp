#include <ATen/ops/maximum.h>
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
// The bound on the largest of some hundred statistics, of which some have heavy tails.
constexpr double kLargestScore = 5.0;

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

struct Sample {
  at::Tensor mean, variance, fourth;  // [S] float64, central moments
  double draws = 0;
};

// Draws [N, S].
Sample describe(const at::Tensor& draws) {
  const at::Tensor mean = draws.mean(0);
  const at::Tensor squares = draws.sub(mean).square();
  return {mean, squares.mean(0), squares.square().mean(0), static_cast<double>(draws.size(0))};
}

// Moments [..., 3] as the golden files have them.
Sample stored_sample(const at::Tensor& moments, double draws) {
  const at::Tensor rows = moments.to(at::kDouble).reshape({-1, 3});
  return {rows.select(1, 0), rows.select(1, 1), rows.select(1, 2), draws};
}

// The largest difference of a mean or a variance in standard errors, each of which must be small. A sample of
// few draws whose variance is small by chance finds its own error small as well, and one without a rare large draw does
// not know of it: the error is the larger of that from both samples and that from the larger one. What varies by
// rounding alone must agree to rounding.
double expect_alike(const Sample& actual, const Sample& expected, const std::vector<std::string>& names) {
  const at::Tensor rounding = expected.mean.square().mul(1e-9).add(1e-14);  // squared
  const auto squared_error = [&](const auto& of_one_draw) {
    const at::Tensor own = of_one_draw(actual).div(actual.draws).add(of_one_draw(expected).div(expected.draws));
    const Sample& larger = actual.draws > expected.draws ? actual : expected;
    return at::maximum(own, of_one_draw(larger).mul(1.0 / actual.draws + 1.0 / expected.draws));
  };
  const at::Tensor mean_error = squared_error([](const Sample& sample) { return sample.variance; }).add(rounding);
  const at::Tensor variance_error = squared_error([](const Sample& sample) {
                                      return sample.fourth.sub(sample.variance.square());
                                    }).add(rounding.square());
  const at::Tensor means = actual.mean.sub(expected.mean).div(mean_error.sqrt()).abs();
  const at::Tensor variances = actual.variance.sub(expected.variance).div(variance_error.sqrt()).abs();
  const auto number = [](const at::Tensor& values, std::size_t i) {
    return values[static_cast<std::int64_t>(i)].item<double>();
  };
  for (std::size_t i = 0; i < names.size(); ++i) {
    EXPECT_LT(number(means, i), kLargestScore)
        << names[i] << ": mean " << number(actual.mean, i) << ", expected " << number(expected.mean, i);
    EXPECT_LT(number(variances, i), kLargestScore)
        << names[i] << ": variance " << number(actual.variance, i) << ", expected " << number(expected.variance, i);
  }
  return std::max(means.max().item<double>(), variances.max().item<double>());
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
    return stored_sample(golden.tensor(prefix + GetParam().place + "." + quantity), stored_draws);
  };
  std::vector<std::string> names;
  for (std::int64_t i = 0; i < logits.front().numel(); ++i) names.push_back("logit " + std::to_string(i));
  double largest = expect_alike(describe(at::stack(logits)), stored("logits"), names);

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
    const Sample actual = describe(drawn.select(1, static_cast<std::int64_t>(order[row])));
    const Sample wanted = stored_sample(expected[static_cast<std::int64_t>(row)], stored("logits").draws);
    largest = std::max(largest, expect_alike(actual, wanted, names));
  }
  RecordProperty("draws", std::to_string(draws()));
  RecordProperty("largest_standard_score", std::to_string(largest));
}

INSTANTIATE_TEST_SUITE_P(Places, DropoutMoments, ::testing::ValuesIn(cases()),
                         [](const auto& info) { return name_of(info.param); });

}  // namespace
}  // namespace tunescope
