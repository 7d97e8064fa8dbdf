#include "post_norm_encoder.hpp"

#include "tunescope/data/packed_batch.hpp"

namespace tunescope {

PostNormEncoder add_post_norm_encoder(CatalogueBuilder& builder, const EncoderConfig& config,
                                      const PostNormNames& names) {
  const std::string prefix(names.prefix);
  const std::int64_t width = config.embedding_width();
  PostNormEncoder encoder;
  builder.begin_layer("embeddings", prefix + "embeddings.");
  encoder.words = builder.add_table("word_embeddings.weight", config.vocab_size, width);
  encoder.positions = builder.add_table("position_embeddings.weight", config.max_position_embeddings, width);
  if (config.type_vocab_size > 0) {
    encoder.types = builder.add_table("token_type_embeddings.weight", config.type_vocab_size, width);
  }
  encoder.embeddings_layer_norm = builder.add_layer_norm("LayerNorm", Block::kEmbeddings, Follows::kEmbeddings, width);
  if (width != config.hidden_size) {
    builder.set_prefix(prefix);
    encoder.projection = builder.add_linear("embeddings_project", Block::kEmbeddings, config.hidden_size, width);
  }
  for (std::int64_t number = 0; number < config.num_hidden_layers; ++number) {
    builder.begin_encoder_layer(prefix + std::string(names.layers) + std::to_string(number) + ".");
    encoder.layers.push_back(add_post_norm_layer(builder, config, names));
  }
  return encoder;
}

Value post_norm_encoder(Recording& pass, const PostNormEncoder& encoder, const EncoderConfig& config) {
  Value hidden = embedding(pass, {encoder.embeddings_layer_norm, config.layer_norm_eps},
                           pass.dropout(config.dropout.embeddings, kEmbeddingSite));
  if (encoder.projection) hidden = linear(pass, *encoder.projection, hidden);
  hidden = observe_hidden(pass, hidden, 0);
  for (std::size_t number = 0; number < encoder.layers.size(); ++number) {
    hidden = post_norm_layer(pass, encoder.layers[number], config, number, hidden);
  }
  return hidden;
}

PostNormNetwork::PostNormNetwork(const EncoderConfig& config, const PostNormNames& names, std::int64_t first_position)
    : config_(config),
      names_(names),
      limits_{.layers = config.num_hidden_layers,
              .hidden_size = config.hidden_size,
              .intermediate_size = config.intermediate_size,
              .attention_heads = config.num_attention_heads,
              .vocabulary = config.vocab_size,
              .positions = config.max_position_embeddings - first_position,
              .token_types = config.type_vocab_size} {
  CatalogueBuilder builder;
  encoder_ = add_post_norm_encoder(builder, config_, names_);
  head_ = add_head(builder, 1);  // the numbers of its tensors do not depend on that
}

std::vector<std::vector<ParameterIndex>> PostNormNetwork::joint_tensors() const {
  std::vector<std::vector<ParameterIndex>> groups;
  for (const PostNormLayer& layer : encoder_.layers) {
    groups.push_back({layer.query.weight, layer.key.weight, layer.value.weight});
    groups.push_back({*layer.query.bias, *layer.key.bias, *layer.value.bias});
  }
  return groups;
}

std::vector<TableLookup> PostNormNetwork::lookups(const PackedBatch& batch) const {
  std::vector<TableLookup> lookups = {{encoder_.words, batch.token_ids}, {encoder_.positions, positions(batch)}};
  if (encoder_.types) lookups.push_back({*encoder_.types, batch.type_ids});
  return lookups;
}

std::vector<std::int64_t> PostNormNetwork::positions(const PackedBatch& batch) const { return token_positions(batch); }

ParameterCatalogue PostNormNetwork::catalogue(std::int64_t outputs) const {
  CatalogueBuilder builder;
  add_post_norm_encoder(builder, config_, names_);
  add_head(builder, outputs);
  return builder.build();
}

DenseHead PostNormNetwork::add_head(CatalogueBuilder& builder, std::int64_t outputs) const {
  const std::int64_t hidden = config_.hidden_size;
  DenseHead head;
  if (!names_.dense) {
    builder.begin_layer("pooler", std::string(names_.prefix) + "pooler.");
    head.dense = builder.add_linear("dense", Block::kPooler, hidden, hidden);
  }
  builder.begin_layer("head", "");
  if (names_.dense) head.dense = builder.add_linear(*names_.dense, Block::kHead, hidden, hidden);
  head.output = builder.add_linear(names_.classifier, Block::kHead, outputs, hidden);
  return head;
}

}  // namespace tunescope
