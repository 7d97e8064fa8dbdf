#include "model/deberta/deberta.hpp"

#include <optional>
#include <utility>

#include "model/deberta/deberta_layer.hpp"
#include "model/operations/convolution.hpp"
#include "model/operations/disentangled.hpp"
#include "tunescope/data/packed_batch.hpp"

namespace tunescope {
namespace {

class Deberta final : public Network {
 public:
  explicit Deberta(const DebertaConfig& config)
      : config_(config),
        limits_{.layers = config.encoder.num_hidden_layers,
                .hidden_size = config.encoder.hidden_size,
                .intermediate_size = config.encoder.intermediate_size,
                .attention_heads = config.encoder.num_attention_heads,
                .vocabulary = config.encoder.vocab_size,
                .positions = config.encoder.max_position_embeddings,
                .token_types = config.encoder.type_vocab_size} {
    CatalogueBuilder builder;
    tensors_ = list_tensors(builder, 1);
  }

  std::string_view architecture() const override { return "DeBERTa-v2"; }
  std::string_view model_type() const override { return "deberta-v2"; }
  std::string_view classifier_class() const override { return "DebertaV2ForSequenceClassification"; }
  const NetworkLimits& limits() const override { return limits_; }
  std::string_view prefix() const override { return "deberta."; }
  double initializer_range() const override { return config_.encoder.initializer_range; }

  // The authors' code always writes a table of positions.
  std::vector<std::string_view> unused_parts() const override {
    std::vector<std::string_view> parts;
    if (!config_.has_positions) parts.emplace_back("embeddings.position_embeddings.");
    if (!config_.has_distances) parts.insert(parts.end(), {"encoder.rel_embeddings.", "encoder.LayerNorm."});
    return parts;
  }

  ParameterCatalogue catalogue(std::int64_t outputs) const override {
    CatalogueBuilder builder;
    list_tensors(builder, outputs);
    return builder.build();
  }

  std::vector<std::vector<ParameterIndex>> joint_tensors() const override {
    std::vector<std::vector<ParameterIndex>> all;
    for (const DebertaLayer& layer : tensors_.layers) {
      for (std::vector<ParameterIndex>& group : joint_tensors_of(layer)) all.push_back(std::move(group));
    }
    return all;
  }

  std::vector<TableLookup> lookups(const PackedBatch& batch) const override {
    std::vector<TableLookup> lookups = {{tensors_.words, batch.token_ids}};
    if (tensors_.positions) lookups.push_back({*tensors_.positions, token_positions(batch)});
    if (tensors_.types) lookups.push_back({*tensors_.types, batch.type_ids});
    return lookups;
  }

  std::optional<DistanceLookup> distance_lookup(std::int64_t longest) const override {
    if (!tensors_.distances) return std::nullopt;
    return DistanceLookup{*tensors_.distances, distance_ids(config_, longest)};
  }

  std::vector<Value> forward(Recording& pass) const override {
    const EncoderConfig& encoder = config_.encoder;
    Value hidden = observe_hidden(pass, embed(pass), 0);
    std::optional<Value> distances;
    if (tensors_.distances && (config_.query_to_position || config_.position_to_key)) {
      std::optional<Norm> norm;
      if (tensors_.distance_layer_norm) norm = {*tensors_.distance_layer_norm, encoder.layer_norm_eps};
      distances = distance_embedding(pass, norm);
    }
    for (std::size_t number = 0; number < tensors_.layers.size(); ++number) {
      const Value output = deberta_layer(pass, tensors_.layers[number], config_, number, hidden, distances);
      hidden = tensors_.convolution && number == 0 ? convolve(pass, hidden, output) : output;
    }
    const Value first =
        dropout(pass, pooled_tokens(pass, hidden), pass.dropout(config_.pooler_dropout, pooler_site(config_)));
    const Value pooled =
        linear_activation(pass, tensors_.pooler, config_.pooler_activation, first, Readers::kProductsAndOthers);
    return head(pass, tensors_.classifier,
                dropout(pass, pooled, pass.dropout(encoder.dropout.pooled, site(DebertaSite::kHead))));
  }

 private:
  // Unlike ELECTRA's, the projection comes before the LayerNorm.
  Value embed(Recording& pass) const {
    const Norm norm{tensors_.layer_norm, config_.encoder.layer_norm_eps};
    const Dropout of_embeddings = pass.dropout(config_.encoder.dropout.embeddings, site(DebertaSite::kEmbeddings));
    if (!tensors_.projection) return embedding(pass, norm, of_embeddings);
    const Value projected = linear(pass, *tensors_.projection, embedding_sum(pass));
    return dropout(pass, sum_norm(pass, norm, projected, std::nullopt), of_embeddings);
  }

  // Adds a convolution over the embeddings to what leaves the first layer.
  Value convolve(Recording& pass, const Value& embeddings, const Value& output) const {
    const double probability = config_.encoder.dropout.embeddings;
    Value branch = convolution(pass, {*tensors_.convolution, config_.convolution.groups}, embeddings);
    branch = dropout(pass, branch, pass.dropout(probability, convolution_site(config_)));
    branch = activate(pass, config_.convolution.activation, branch);
    if (output.rows == &pass.sequences()) branch = pooled_tokens(pass, branch);
    const Norm norm{tensors_.convolution_layer_norm, config_.encoder.layer_norm_eps};
    return observe_hidden(pass, sum_norm(pass, norm, branch, output), 1);
  }

  struct Tensors {
    ParameterIndex words = 0;                        // [vocabulary, E]
    std::optional<ParameterIndex> positions, types;  // [positions, E], [types, E]
    std::optional<LinearParameters> projection;      // [H, E], if E is not H
    LayerNormParameters layer_norm;                  // of the embeddings
    std::optional<ParameterIndex> distances;         // [2 span, H]
    std::optional<LayerNormParameters> distance_layer_norm;
    std::vector<DebertaLayer> layers;
    std::optional<LinearParameters> convolution;  // [H, H / groups, kernel]
    LayerNormParameters convolution_layer_norm;
    LinearParameters pooler, classifier;
  };

  static std::uint32_t site(DebertaSite number) { return static_cast<std::uint32_t>(number); }

  // Their numbers do not depend on `outputs`. Pooler and classifier are both new: checkpoints have neither.
  Tensors list_tensors(CatalogueBuilder& builder, std::int64_t outputs) const {
    const EncoderConfig& encoder = config_.encoder;
    const std::int64_t hidden = encoder.hidden_size;
    const std::int64_t width = encoder.embedding_width();
    Tensors tensors;
    builder.begin_layer("embeddings", "deberta.embeddings.");
    tensors.words = builder.add_table("word_embeddings.weight", encoder.vocab_size, width);
    if (config_.has_positions) {
      tensors.positions = builder.add_table("position_embeddings.weight", encoder.max_position_embeddings, width);
    }
    if (encoder.type_vocab_size > 0) {
      tensors.types = builder.add_table("token_type_embeddings.weight", encoder.type_vocab_size, width);
    }
    if (width != hidden) {
      const LinearShape shape{.out = hidden, .in = width, .has_bias = false};
      tensors.projection = builder.add_linear("embed_proj", Block::kEmbeddings, shape);
    }
    tensors.layer_norm = builder.add_layer_norm("LayerNorm", Block::kEmbeddings, Follows::kEmbeddings, hidden);
    if (config_.has_distances) {
      builder.begin_layer("relative", "deberta.encoder.");
      tensors.distances = builder.add_table("rel_embeddings.weight", 2 * config_.span(), hidden);
      if (config_.normalizes_distances) {
        tensors.distance_layer_norm = builder.add_layer_norm("LayerNorm", Block::kEmbeddings, Follows::kOther, hidden);
      }
    }
    for (std::int64_t number = 0; number < encoder.num_hidden_layers; ++number) {
      builder.begin_encoder_layer("deberta.encoder.layer." + std::to_string(number) + ".");
      tensors.layers.push_back(add_deberta_layer(builder, config_));
      if (number == 0 && config_.convolution.kernel_size > 0) add_convolution(builder, tensors);
    }
    builder.begin_layer("head", "");
    tensors.pooler = builder.add_linear("pooler.dense", Block::kHead, hidden, hidden);
    tensors.classifier = builder.add_linear("classifier", Block::kHead, outputs, hidden);
    return tensors;
  }

  void add_convolution(CatalogueBuilder& builder, Tensors& tensors) const {
    const std::int64_t hidden = config_.encoder.hidden_size;
    builder.begin_layer("conv", "deberta.encoder.conv.");
    tensors.convolution = builder.add_convolution(
        "conv", Block::kFeedForward, hidden, {hidden / config_.convolution.groups, config_.convolution.kernel_size});
    tensors.convolution_layer_norm = builder.add_layer_norm("LayerNorm", Block::kFeedForward, Follows::kOther, hidden);
  }

  DebertaConfig config_;
  NetworkLimits limits_;
  Tensors tensors_;
};

}  // namespace

std::shared_ptr<const Network> make_deberta(const DebertaConfig& config) { return std::make_shared<Deberta>(config); }

}  // namespace tunescope
