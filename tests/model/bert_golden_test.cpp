#include <ATen/ops/allclose.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "support/collected_gradients.hpp"
#include "support/device.hpp"
#include "support/golden.hpp"
#include "support/golden_batch.hpp"
#include "support/sink_of_each.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/io/safetensors.hpp"
#include "tunescope/kernels/training/batch_losses.hpp"
#include "tunescope/model/bert/bert.hpp"
#include "tunescope/model/pass.hpp"
#include "tunescope/model/pretrained.hpp"

namespace tunescope {
namespace {

double relative_l2(const at::Tensor& actual, const at::Tensor& expected) {
  return actual.cpu().sub(expected).norm().item<double>() / expected.norm().item<double>();
}

double largest_difference(const at::Tensor& actual, const at::Tensor& expected) {
  return actual.cpu().sub(expected.cpu()).abs().max().item<double>();
}

struct Differentiated {
  at::Tensor logits;
  Loss loss;
  std::vector<at::Tensor> gradients;
};

Differentiated differentiate(const Network& network, const Parameters& parameters, const PackedBatch& batch,
                             PassOptions options = {}, std::optional<std::uint64_t> dropout_key = {}) {
  test::CollectedGradients sink(parameters);
  options.sink = &sink;
  Pass pass(network, ModelInput{parameters, batch, dropout_key}, options);
  const Loss loss = batch_loss(pass.logits().front(), batch.labels);
  pass.backward(loss.logits_gradient);
  return {pass.logits().front(), loss, std::move(sink.gradients)};
}

Parameters with_head(const PretrainedModel& model, const Safetensors& file, const std::string& prefix) {
  Parameters parameters = model.backbone;
  parameters.push_back(file.float_tensor(prefix + "classifier.weight").to(test::device()));
  parameters.push_back(file.float_tensor(prefix + "classifier.bias").to(test::device()));
  return parameters;
}

Parameters in_float64(Parameters parameters) {
  for (at::Tensor& parameter : parameters) parameter = parameter.to(at::kDouble);
  return parameters;
}

void expect_gradients(const ParameterCatalogue& catalogue, const std::vector<at::Tensor>& gradients,
                      const Safetensors& expected, const std::string& prefix) {
  for (ParameterIndex i = 0; i < catalogue.size(); ++i) {
    const at::Tensor golden = expected.tensor(prefix + catalogue[i].name);
    if (test::is_zero_in_theory(catalogue[i])) {
      EXPECT_LT(gradients[i].abs().max().item<double>(), 1e-5) << catalogue[i].name;
    } else {
      EXPECT_LT(relative_l2(gradients[i], golden), 1e-4) << catalogue[i].name;
    }
  }
}

class TinyBert : public ::testing::Test {
 protected:
  PretrainedModel model = test::load_on_device(test::golden("model/tiny"));
  BertConfig config = read_bert_config(test::golden("model/tiny/config.json")).config;
  Safetensors weights = Safetensors::open_folder(test::golden("model/tiny"));
  Safetensors expected = Safetensors::open_file(test::golden("model/tiny/expected.safetensors"));
};

TEST_F(TinyBert, ClassifiesAndDifferentiatesAsTransformers) {
  const ParameterCatalogue catalogue = model.network->catalogue(3);
  const Parameters parameters = with_head(model, weights, "");
  const Differentiated pass =
      differentiate(*model.network, parameters, test::golden_batch(expected, expected.tensor("labels")));
  EXPECT_LT(largest_difference(pass.logits, expected.tensor("logits")), 1e-5);
  EXPECT_NEAR(pass.loss.value(), expected.tensor("loss").item<double>(), 1e-5);
  expect_gradients(catalogue, pass.gradients, expected, "grad.");
}

TEST_F(TinyBert, RegressesAndDifferentiatesAsTransformers) {
  const ParameterCatalogue catalogue = model.network->catalogue(1);
  const Parameters parameters = with_head(model, expected, "regression.");
  const Differentiated pass =
      differentiate(*model.network, parameters, test::golden_batch(expected, expected.tensor("regression.labels")));
  EXPECT_LT(largest_difference(pass.logits, expected.tensor("regression.logits")), 1e-5);
  EXPECT_NEAR(pass.loss.value(), expected.tensor("regression.loss").item<double>(), 1e-5);
  expect_gradients(catalogue, pass.gradients, expected, "regression.grad.");
}

// Collects everything it is told, and asks for one parameter.
class OneOfTheGradients final : public test::CollectedGradients {
 public:
  OneOfTheGradients(const Parameters& parameters, ParameterIndex wanted)
      : CollectedGradients(parameters), wanted_(wanted) {}
  bool needs_gradient(std::size_t, ParameterIndex parameter) const override { return parameter == wanted_; }

 private:
  ParameterIndex wanted_;
};

TEST_F(TinyBert, GivesEachGradientAloneAsItGivesAll) {
  const Parameters parameters = in_float64(with_head(model, weights, ""));
  const PackedBatch batch = test::golden_batch(expected, expected.tensor("labels"));
  const std::vector<at::Tensor> all = differentiate(*model.network, parameters, batch).gradients;
  for (ParameterIndex i = 0; i < all.size(); ++i) {
    OneOfTheGradients sink(parameters, i);
    Pass pass(*model.network, ModelInput{parameters, batch}, {.sink = &sink});
    pass.backward(batch_loss(pass.logits().front(), batch.labels).logits_gradient);
    EXPECT_TRUE(sink.gradients[i].allclose(all[i], 1e-12, 1e-14)) << "parameter " << i;
  }
}

TEST_F(TinyBert, OfSeveralModelsSomeMayNeedNoGradient) {
  const Parameters parameters = in_float64(with_head(model, weights, ""));
  const PackedBatch batch = test::golden_batch(expected, expected.tensor("labels"));
  const std::vector<at::Tensor> alone = differentiate(*model.network, parameters, batch).gradients;
  test::CollectedGradients all(parameters);
  OneOfTheGradients last(parameters, parameters.size() - 1);
  const std::array models = {ModelInput{parameters, batch}, ModelInput{parameters, batch},
                             ModelInput{parameters, batch}};
  test::SinkOfEach sink({&last, nullptr, &all});
  Pass pass(*model.network, models, {.sink = &sink});
  const at::Tensor gradient = batch_loss(pass.logits().front(), batch.labels).logits_gradient;
  pass.backward(std::array{gradient, at::Tensor(), gradient.clone()});
  for (ParameterIndex i = 0; i < alone.size(); ++i) {
    EXPECT_TRUE(all.gradients[i].allclose(alone[i], 1e-12, 1e-14)) << "parameter " << i;
  }
  EXPECT_TRUE(last.gradients.back().allclose(alone.back(), 1e-12, 1e-14));
}

TEST_F(TinyBert, RefusesABackwardPassThatCannotBe) {
  const Parameters parameters = with_head(model, weights, "");
  const PackedBatch batch = test::golden_batch(expected, expected.tensor("labels"));
  test::CollectedGradients sink(parameters);
  Pass pass(*model.network, ModelInput{parameters, batch}, {.sink = &sink});
  const at::Tensor gradient = batch_loss(pass.logits().front(), batch.labels).logits_gradient;
  EXPECT_THROW(pass.backward(std::array{gradient, gradient}), Error);
  pass.backward(gradient);
  EXPECT_THROW(pass.backward(gradient), Error);
  const std::array models = {ModelInput{parameters, batch, 1}, ModelInput{parameters, batch}};
  EXPECT_THROW(Pass(*model.network, models), Error) << "dropout in one model alone";
}

TEST_F(TinyBert, EvaluationGivesTheLogitsOfTheTrainingPassWithoutDropout) {
  const ParameterCatalogue catalogue = model.network->catalogue(3);
  const Parameters parameters = with_head(model, weights, "");
  const PackedBatch batch = test::golden_batch(expected, expected.tensor("labels"));
  EXPECT_TRUE(evaluate_logits(*model.network, {parameters, batch})
                  .equal(differentiate(*model.network, parameters, batch).logits));
}

// The tokens that the head does not read change nothing, with dropout either; attention's would draw other masks.
TEST_F(TinyBert, TheLastLayerOfAllTokensGivesTheSameInFloat64) {
  const ParameterCatalogue catalogue = model.network->catalogue(3);
  const Parameters parameters = in_float64(with_head(model, weights, ""));
  const PackedBatch batch = test::golden_batch(expected, expected.tensor("labels"));
  BertConfig without_attention_dropout = config;
  without_attention_dropout.dropout = DropoutProbabilities::uniform(0.2);
  without_attention_dropout.dropout.attention_probabilities = 0.0;
  const auto network = make_bert(without_attention_dropout);
  const auto gradients = [&](LastLayer last_layer) {
    return differentiate(*network, parameters, batch, {.last_layer = last_layer}, 42).gradients;
  };
  const std::vector<at::Tensor> first = gradients(LastLayer::kPooledTokens);
  const std::vector<at::Tensor> all = gradients(LastLayer::kAllTokens);
  for (ParameterIndex i = 0; i < catalogue.size(); ++i) {
    EXPECT_LT(largest_difference(first[i], all[i]), 1e-12) << catalogue[i].name;
  }
}

TEST_F(TinyBert, HonorsActivationAndEpsilonOfTheConfiguration) {
  const Safetensors variants = Safetensors::open_file(test::golden("model/variants.safetensors"));
  const Parameters parameters = with_head(model, weights, "");
  const std::vector<std::pair<std::string, Activation>> activations = {{"gelu", Activation::kGelu},
                                                                       {"gelu_new", Activation::kGeluTanh},
                                                                       {"relu", Activation::kRelu},
                                                                       {"silu", Activation::kSilu}};
  for (const auto& [name, activation] : activations) {
    BertConfig variant = config;
    variant.hidden_act = activation;
    variant.layer_norm_eps = 1e-5;
    const at::Tensor logits =
        evaluate_logits(*make_bert(variant), {parameters, test::golden_batch(expected, expected.tensor("labels"))});
    EXPECT_LT(largest_difference(logits, variants.tensor("logits." + name)), 1e-5) << name;
  }
}

// A packed batch gives each sequence what it gets alone: no token sees another sequence.
TEST_F(TinyBert, SequencesOfABatchDoNotInfluenceEachOther) {
  const ParameterCatalogue catalogue = model.network->catalogue(3);
  const Parameters parameters = with_head(model, weights, "");
  const PackedBatch batch = test::golden_batch(expected, expected.tensor("labels"));
  const at::Tensor together = evaluate_logits(*model.network, {parameters, batch});
  for (std::size_t b = 0; b < batch.examples.size(); ++b) {
    const std::int64_t first = batch.sequence_offsets[b];
    const std::int64_t length = batch.sequence_offsets[b + 1] - first;
    PackedBatch alone;
    alone.token_ids.assign(batch.token_ids.begin() + first, batch.token_ids.begin() + first + length);
    alone.type_ids.assign(batch.type_ids.begin() + first, batch.type_ids.begin() + first + length);
    alone.sequence_offsets = {0, length};
    alone.examples = {static_cast<std::int64_t>(b)};
    EXPECT_LT(largest_difference(evaluate_logits(*model.network, {parameters, alone})[0],
                                 together[static_cast<std::int64_t>(b)]),
              1e-5);
  }
}

TEST_F(TinyBert, DifferentiatesDropoutAsFiniteDifferencesInFloat64) {
  const ParameterCatalogue catalogue = model.network->catalogue(3);
  Parameters parameters = in_float64(with_head(model, weights, ""));
  const PackedBatch batch = test::golden_batch(expected, expected.tensor("labels"));
  const PassOptions options{.dropout = 0.2};
  const auto loss_at = [&] {
    const Pass pass(*model.network, ModelInput{parameters, batch, 42}, options);
    return batch_loss(pass.logits().front(), batch.labels);
  };
  const std::vector<at::Tensor> gradients = differentiate(*model.network, parameters, batch, options, 42).gradients;
  constexpr double kStep = 1e-6;
  for (ParameterIndex i = 0; i < catalogue.size(); ++i) {
    parameters[i] = parameters[i].clone();
    const std::int64_t scalar = gradients[i].abs().argmax().item<std::int64_t>();
    const at::Tensor value = parameters[i].view(-1)[scalar];
    const double original = value.item<double>();
    value.fill_(original + kStep);
    const double above = loss_at().value();
    value.fill_(original - kStep);
    const double below = loss_at().value();
    value.fill_(original);
    const double derivative = gradients[i].view(-1)[scalar].item<double>();
    EXPECT_NEAR((above - below) / (2.0 * kStep), derivative, 1e-6 + 1e-5 * std::abs(derivative)) << catalogue[i].name;
  }
}

// Count sketch of a gradient; see make_model_golden.py.
at::Tensor sketch(const at::Tensor& gradient) {
  constexpr std::uint64_t kBuckets = 256;
  at::Tensor buckets = at::zeros({kBuckets}, at::TensorOptions().dtype(at::kDouble));
  const at::Tensor flat = gradient.cpu().contiguous();
  const float* const values = flat.const_data_ptr<float>();
  for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(flat.numel()); ++i) {
    std::uint64_t hash = i + 0x9E3779B97F4A7C15U;
    hash = (hash ^ (hash >> 30U)) * 0xBF58476D1CE4E5B9U;
    hash = (hash ^ (hash >> 27U)) * 0x94D049BB133111EBU;
    hash ^= hash >> 31U;
    const double sign = ((hash >> 32U) & 1U) != 0U ? 1.0 : -1.0;
    buckets.mutable_data_ptr<double>()[hash % kBuckets] += sign * static_cast<double>(values[i]);
  }
  return buckets;
}

TEST(MiniLm, ClassifiesAndDifferentiatesAsTransformers) {
  if (!std::filesystem::exists(test::minilm_folder())) GTEST_SKIP() << "no models/minilm-l6; scripts/setup fetches it";
  const PretrainedModel model = test::load_on_device(test::minilm_folder());
  const Safetensors expected = Safetensors::open_file(test::golden("model/minilm.safetensors"));
  const ParameterCatalogue catalogue = model.network->catalogue(3);
  const Differentiated pass = differentiate(*model.network, with_head(model, expected, ""),
                                            test::golden_batch(expected, expected.tensor("labels")));
  EXPECT_LT(largest_difference(pass.logits, expected.tensor("logits")), 1e-5);
  for (ParameterIndex i = 0; i < catalogue.size(); ++i) {
    if (test::is_zero_in_theory(catalogue[i])) continue;
    EXPECT_LT(relative_l2(sketch(pass.gradients[i]), expected.tensor("sketch." + catalogue[i].name)), 1e-4)
        << catalogue[i].name;
  }
}

}  // namespace
}  // namespace tunescope
