#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "model/bert/bert_pass.hpp"
#include "support/golden.hpp"
#include "tunescope/io/safetensors.hpp"

namespace tunescope {
namespace {

// Trained weights without embeddings, and every intermediate tensor of one input, computed in float64.
TEST(GoldenActivations, EveryIntermediateTensorOfATrainedEncoderAgrees) {
  const auto folder = test::shared_data() / "data/checkpoints/bert-tiny-sst2-encoder-only";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << folder << " is not there";
  const Safetensors weights = Safetensors::open_folder(folder);
  const Safetensors golden = Safetensors::open_file(folder / "golden_activations.safetensors");
  const BertConfig config = read_bert_config(folder / "config.json").config;
  const ParameterCatalogue catalogue(config, 2);
  Parameters parameters;
  for (const ParameterInfo& parameter : catalogue.parameters()) {
    parameters.push_back(weights.has(parameter.name) ? weights.float_tensor(parameter.name) : at::zeros({1}));
  }
  const auto expect_near = [&](const at::Tensor& actual, const std::string& name) {
    EXPECT_LT(actual.sub(golden.tensor(name)).abs().max().item<double>(), 1e-5) << name;
  };

  at::Tensor hidden = golden.tensor("embedding_output");
  PackedBatch batch;
  batch.sequence_offsets = {0, hidden.size(0)};
  batch.examples = {0};
  batch.first_tokens = at::zeros({1}, at::TensorOptions().dtype(at::kLong));
  const ModelInput model{parameters, batch};
  const Bert bert(config, catalogue, nullptr, LastLayer::kAllTokens);
  const BertPass pass(bert, {&model, 1});
  for (std::size_t layer = 0; layer < catalogue.layers.size(); ++layer) {
    const std::string prefix = "layer" + std::to_string(layer) + ".";
    EncoderLayerActivations saved;
    hidden = pass.encode(layer, hidden, saved);
    const std::int64_t width = config.hidden_size;
    expect_near(saved.projections.query, prefix + "query");
    expect_near(saved.projections.key_value.narrow(1, 0, width), prefix + "key");
    expect_near(saved.projections.key_value.narrow(1, width, width), prefix + "value");
    expect_near(saved.attention.context, prefix + "attention_context");
    expect_near(saved.attention_output, prefix + "attention_output");
    expect_near(saved.activated, prefix + "intermediate_gelu");
    expect_near(hidden, prefix + "output");
  }
  BertActivations saved;
  pass.classify(hidden, saved);
  expect_near(saved.pooled, "pooler_output");
  expect_near(saved.logits.front(), "logits");
}

}  // namespace
}  // namespace tunescope
