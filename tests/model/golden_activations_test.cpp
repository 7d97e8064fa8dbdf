#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <array>
#include <map>

#include "model/blocks/post_norm_layer.hpp"
#include "support/catalogue_lookup.hpp"
#include "support/golden.hpp"
#include "tunescope/io/safetensors.hpp"
#include "tunescope/model/bert/bert.hpp"

namespace tunescope {
namespace {

// What every layer reads, by the name of its weight: a sink is handed it.
class LayerInputs final : public GradientSink {
 public:
  explicit LayerInputs(const ParameterCatalogue& catalogue) : catalogue_(catalogue) {}

  bool needs_gradient(std::size_t, ParameterIndex) const override { return true; }
  void on_linear(std::span<const LinearParameters> layers, std::span<const LinearFactors> uses) override {
    for (const LinearParameters& p : layers) inputs[catalogue_[p.weight].name] = uses.front().input;
  }
  void on_layer_norm(const LayerNormParameters&, std::span<const LayerNormFactors>) override {}
  void on_embedding(ParameterIndex, std::span<const EmbeddingFactors>) override {}
  void on_head(const LinearParameters&, const HeadFactors&) override {}
  void on_added(std::span<const AddedFactors>) override {}

  std::map<std::string, at::Tensor> inputs;

 private:
  const ParameterCatalogue& catalogue_;
};

// Trained weights without embeddings, and every intermediate tensor of one input, computed in float64.
TEST(GoldenActivations, EveryIntermediateTensorOfATrainedEncoderAgrees) {
  const auto folder = test::shared_data() / "data/checkpoints/bert-tiny-sst2-encoder-only";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << folder << " is not there";
  const Safetensors weights = Safetensors::open_folder(folder);
  const Safetensors golden = Safetensors::open_file(folder / "golden_activations.safetensors");
  const BertConfig config = read_bert_config(folder / "config.json").config;
  const auto network = make_bert(config);
  const ParameterCatalogue catalogue = network->catalogue(2);
  Parameters parameters;
  for (const ParameterInfo& parameter : catalogue.parameters()) {
    parameters.push_back(weights.has(parameter.name) ? weights.float_tensor(parameter.name) : at::zeros({1}));
  }
  const auto linear_of = [&](const std::string& name) {
    return LinearParameters{test::index_of(catalogue, name + ".weight"), test::index_of(catalogue, name + ".bias")};
  };
  const auto norm_of = [&](const std::string& name) {
    return LayerNormParameters{test::index_of(catalogue, name + ".weight"), test::index_of(catalogue, name + ".bias")};
  };

  PackedBatch batch;
  batch.sequence_offsets = {0, golden.tensor("embedding_output").size(0)};
  batch.examples = {0};
  batch.token_ids.resize(static_cast<std::size_t>(batch.token_count()));  // their embeddings are in the file
  batch.type_ids = batch.token_ids;
  LayerInputs sink(catalogue);
  const ModelInput model{parameters, batch};
  Recording pass(*network, {&model, 1}, {.sink = &sink, .last_layer = LastLayer::kAllTokens});
  Recording projections(*network, {&model, 1}, {});
  std::map<std::string, at::Tensor> found;
  Value hidden{.tensor = golden.tensor("embedding_output"), .rows = &pass.tokens()};
  for (std::size_t number = 0; number < catalogue.encoder_layers(); ++number) {
    const std::string prefix = "bert.encoder.layer." + std::to_string(number) + ".";
    const std::string name = "layer" + std::to_string(number) + ".";
    for (const std::string part : {"query", "key", "value"}) {
      const Value input{.tensor = hidden.tensor, .rows = &projections.tokens()};
      found[name + part] = linear(projections, linear_of(prefix + "attention.self." + part), input).tensor;
    }
    const PostNormLayer layer{.query = linear_of(prefix + "attention.self.query"),
                              .key = linear_of(prefix + "attention.self.key"),
                              .value = linear_of(prefix + "attention.self.value"),
                              .attention_output = linear_of(prefix + "attention.output.dense"),
                              .attention_layer_norm = norm_of(prefix + "attention.output.LayerNorm"),
                              .intermediate = linear_of(prefix + "intermediate.dense"),
                              .output = linear_of(prefix + "output.dense"),
                              .output_layer_norm = norm_of(prefix + "output.LayerNorm")};
    hidden = post_norm_layer(pass, layer, config, number, hidden);
    found[name + "output"] = hidden.tensor;
  }
  const Value pooled = tanh(pass, linear(pass, linear_of("bert.pooler.dense"), pooled_tokens(pass, hidden)));
  const std::vector<Value> logits = head(pass, linear_of("classifier"), pooled);
  found["pooler_output"] = pooled.tensor;
  found["logits"] = logits.front().tensor;
  pass.play_back(logits, {&logits.front().tensor, 1}, Keep::kNothing);
  for (std::size_t number = 0; number < catalogue.encoder_layers(); ++number) {
    const std::string prefix = "bert.encoder.layer." + std::to_string(number) + ".";
    const std::string name = "layer" + std::to_string(number) + ".";
    found[name + "attention_context"] = sink.inputs.at(prefix + "attention.output.dense.weight");
    found[name + "attention_output"] = sink.inputs.at(prefix + "intermediate.dense.weight");
    found[name + "intermediate_gelu"] = sink.inputs.at(prefix + "output.dense.weight");
  }

  for (const auto& [name, tensor] : found) {
    EXPECT_LT(tensor.sub(golden.tensor(name)).abs().max().item<double>(), 1e-5) << name;
  }
}

}  // namespace
}  // namespace tunescope
