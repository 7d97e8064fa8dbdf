#include "bert_pass.hpp"

#include <ATen/ops/addmm.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/tanh.h>
#include <ATen/ops/tanh_backward.h>
#include <ATen/ops/zeros.h>

#include <array>
#include <numeric>

#include "model/linear.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/kernels/activation.hpp"

namespace tunescope {
namespace {

// The dropout layers are numbered, and each number selects masks of its own. Every encoder layer has three of them.
constexpr std::uint32_t kEmbeddingSite = 0;
constexpr std::uint32_t kClassifierSite = 1;
constexpr std::uint32_t kFirstLayerSite = 2;
enum class LayerSite : std::uint32_t { kProbabilities, kAttentionOutput, kOutput };

constexpr std::uint32_t layer_site(std::size_t layer, LayerSite site) {
  return kFirstLayerSite + 3 * static_cast<std::uint32_t>(layer) + static_cast<std::uint32_t>(site);
}

PackedBatch join_batches(std::span<const ModelInput> models) {
  if (models.size() == 1) return models.front().batch;
  std::vector<const PackedBatch*> batches;
  for (const ModelInput& model : models) batches.push_back(&model.batch);
  return join(batches);
}

ModelRows rows_of(std::span<const ModelInput> models, std::int64_t (PackedBatch::*count)() const,
                  std::vector<std::int64_t> sequence_offsets, const Bfloat16Weights* bfloat16_weights) {
  std::vector<const Parameters*> parameters;
  std::vector<std::int64_t> offsets = {0};
  for (const ModelInput& model : models) {
    parameters.push_back(&model.parameters);
    offsets.push_back(offsets.back() + (model.batch.*count)());
  }
  return {std::move(parameters), std::move(offsets), std::move(sequence_offsets), bfloat16_weights};
}

// The offsets of sequences in a tensor with one row per sequence.
std::vector<std::int64_t> offsets_of_sequences(const PackedBatch& batch) {
  std::vector<std::int64_t> offsets(batch.examples.size() + 1);
  std::iota(offsets.begin(), offsets.end(), 0);
  return offsets;
}

std::vector<std::uint64_t> keys_of(std::span<const ModelInput> models) {
  std::vector<std::uint64_t> keys;
  for (const ModelInput& model : models) {
    if (model.dropout_key) keys.insert(keys.end(), model.batch.examples.size(), *model.dropout_key);
  }
  return keys;
}

}  // namespace

BertPass::BertPass(const Bert& bert, std::span<const ModelInput> models)
    : config_(bert.config_),
      catalogue_(bert.catalogue_),
      batch_(join_batches(models)),
      tokens_(rows_of(models, &PackedBatch::token_count, batch_.sequence_offsets, bert.bfloat16_weights_)),
      sequences_(rows_of(models, &PackedBatch::sequence_count, offsets_of_sequences(batch_), bert.bfloat16_weights_)),
      after_last_layer_(bert.last_layer_ == LastLayer::kAllTokens ? tokens_ : sequences_),
      dropout_keys_(keys_of(models)) {
  if (has_dropout() && dropout_keys_.size() != batch_.examples.size()) {
    throw Error("models of one pass have dropout all or none");
  }
}

Dropout BertPass::dropout(double probability, std::uint32_t site) const {
  return {.probability = has_dropout() ? probability : 0.0, .site = site};
}

const ModelRows& BertPass::rows_after(std::size_t layer) const {
  return layer + 1 < catalogue_.layers.size() ? tokens_ : after_last_layer_;
}

AttentionLayout BertPass::attention_layout(const ModelRows& queries) const {
  return {batch_.sequence_offsets, queries.sequence_offsets(), streams(), config_.num_attention_heads};
}

LayerNormWeights BertPass::layer_norm_weights(const LayerNormParameters& p) const {
  return {tokens_.tensors(p.weight), tokens_.tensors(p.bias), config_.layer_norm_eps};
}

at::Tensor BertPass::gather_first_tokens(const at::Tensor& rows) const {
  return at::index_select(rows, 0, batch_.first_tokens);
}

at::Tensor BertPass::scatter_first_tokens(const at::Tensor& rows) const {
  return at::zeros({batch_.token_count(), rows.size(1)}, rows.options()).index_copy_(0, batch_.first_tokens, rows);
}

void BertPass::apply_pooled_dropout_(const at::Tensor& rows) const {
  apply_dropout_(rows, {sequences_.sequence_offsets(), rows.size(1)}, streams(),
                 dropout(config_.dropout.pooled, kClassifierSite));
}

at::Tensor BertPass::embed(LayerNormActivations& saved) const {
  const EmbeddingParameters& p = catalogue_.embeddings;
  const std::array tables = {EmbeddingLookup{tokens_.tensors(p.word), batch_.token_ids},
                             EmbeddingLookup{tokens_.tensors(p.position), batch_.position_ids},
                             EmbeddingLookup{tokens_.tensors(p.type), batch_.type_ids}};
  return embedding_layer_norm(tables, layer_norm_weights(p.layer_norm), row_layout(tokens_),
                              dropout(config_.dropout.embeddings, kEmbeddingSite), saved);
}

void BertPass::embed_backward(const LayerNormActivations& saved, at::Tensor gradient, const ModelSinks& sinks) const {
  const EmbeddingParameters& p = catalogue_.embeddings;
  apply_dropout_(gradient, {batch_.sequence_offsets, gradient.size(1)}, streams(),
                 dropout(config_.dropout.embeddings, kEmbeddingSite));
  sinks.on_layer_norm(tokens_, p.layer_norm, saved, gradient);
  if (sinks.first_needing_gradient() >= p.layer_norm.weight) return;
  gradient =
      residual_layer_norm_backward(gradient, tokens_.tensors(p.layer_norm.weight), row_layout(tokens_), {}, saved)
          .residual;
  sinks.on_embedding(tokens_, p.word, batch_.token_ids, gradient);
  sinks.on_embedding(tokens_, p.position, batch_.position_ids, gradient);
  sinks.on_embedding(tokens_, p.type, batch_.type_ids, gradient);
}

at::Tensor BertPass::encode(std::size_t number, const at::Tensor& input, EncoderLayerActivations& saved) const {
  const EncoderLayerParameters& p = catalogue_.layers[number];
  const ModelRows& rows = rows_after(number);
  saved.input = input;
  saved.query_input = are_tokens(rows) ? input : gather_first_tokens(input);
  saved.projections = {linear(rows, std::array{p.query}, saved.query_input),
                       linear(tokens_, std::array{p.key, p.value}, input)};
  saved.attention =
      attention(saved.projections, attention_layout(rows),
                dropout(config_.dropout.attention_probabilities, layer_site(number, LayerSite::kProbabilities)));
  saved.attention_layer_norm.input = linear_without_bias(rows, p.attention_output, saved.attention.context);
  saved.attention_output = residual_layer_norm(
      {rows.tensors(p.attention_output.bias), saved.query_input}, layer_norm_weights(p.attention_layer_norm),
      row_layout(rows), dropout(config_.dropout.attention_output, layer_site(number, LayerSite::kAttentionOutput)),
      saved.attention_layer_norm);

  saved.intermediate = linear_without_bias(rows, p.intermediate, saved.attention_output);
  saved.activated =
      bias_activation(config_.hidden_act, saved.intermediate, rows.tensors(p.intermediate.bias), row_layout(rows));
  saved.output_layer_norm.input = linear_without_bias(rows, p.output, saved.activated);
  return residual_layer_norm(
      {rows.tensors(p.output.bias), saved.attention_output}, layer_norm_weights(p.output_layer_norm), row_layout(rows),
      dropout(config_.dropout.feed_forward_output, layer_site(number, LayerSite::kOutput)), saved.output_layer_norm);
}

std::optional<at::Tensor> BertPass::feed_forward_backward(std::size_t number, const EncoderLayerActivations& saved,
                                                          const at::Tensor& gradient, const ModelSinks& sinks) const {
  const EncoderLayerParameters& p = catalogue_.layers[number];
  const ModelRows& rows = rows_after(number);
  sinks.on_layer_norm(rows, p.output_layer_norm, saved.output_layer_norm, gradient);
  if (sinks.first_needing_gradient() >= p.output_layer_norm.weight) return std::nullopt;
  const auto [residual, output] = residual_layer_norm_backward(
      gradient, rows.tensors(p.output_layer_norm.weight), row_layout(rows),
      dropout(config_.dropout.feed_forward_output, layer_site(number, LayerSite::kOutput)), saved.output_layer_norm);
  sinks.on_linear(rows, p.output, saved.activated, output);
  if (sinks.first_needing_gradient() >= p.output.weight) return std::nullopt;
  const at::Tensor intermediate =
      activation_backward(config_.hidden_act, saved.intermediate, input_gradient(rows, p.output, output));
  sinks.on_linear(rows, p.intermediate, saved.attention_output, intermediate);
  if (sinks.first_needing_gradient() >= p.intermediate.weight) return std::nullopt;
  add_input_gradient(rows, std::array{p.intermediate}, intermediate, residual);
  return residual;
}

std::optional<at::Tensor> BertPass::attention_block_backward(std::size_t number, const EncoderLayerActivations& saved,
                                                             const at::Tensor& gradient,
                                                             const ModelSinks& sinks) const {
  const EncoderLayerParameters& p = catalogue_.layers[number];
  const ModelRows& rows = rows_after(number);
  sinks.on_layer_norm(rows, p.attention_layer_norm, saved.attention_layer_norm, gradient);
  if (sinks.first_needing_gradient() >= p.attention_layer_norm.weight) return std::nullopt;
  const auto [residual, output] = residual_layer_norm_backward(
      gradient, rows.tensors(p.attention_layer_norm.weight), row_layout(rows),
      dropout(config_.dropout.attention_output, layer_site(number, LayerSite::kAttentionOutput)),
      saved.attention_layer_norm);
  sinks.on_linear(rows, p.attention_output, saved.attention.context, output);
  if (sinks.first_needing_gradient() >= p.attention_output.weight) return std::nullopt;
  const AttentionInputs projections = attention_backward(
      input_gradient(rows, p.attention_output, output), saved.attention.probabilities, saved.projections,
      attention_layout(rows),
      dropout(config_.dropout.attention_probabilities, layer_site(number, LayerSite::kProbabilities)));
  const std::int64_t width = saved.input.size(1);
  sinks.on_linear(rows, p.query, saved.query_input, projections.query);
  sinks.on_linear(tokens_, p.key, saved.input, projections.key_value.narrow(1, 0, width));
  sinks.on_linear(tokens_, p.value, saved.input, projections.key_value.narrow(1, width, width));
  if (sinks.first_needing_gradient() >= p.query.weight) return std::nullopt;
  add_input_gradient(rows, std::array{p.query}, projections.query, residual);
  const at::Tensor input = are_tokens(rows) ? residual : scatter_first_tokens(residual);
  add_input_gradient(tokens_, std::array{p.key, p.value}, projections.key_value, input);
  return input;
}

void BertPass::classify(const at::Tensor& encoded, BertActivations& saved) const {
  saved.first_tokens = are_tokens(after_last_layer_) ? gather_first_tokens(encoded) : encoded;
  saved.pooled = at::tanh(linear(sequences_, std::array{catalogue_.pooler}, saved.first_tokens));
  const at::Tensor pooled = pooled_after_dropout(saved.pooled);
  const LinearParameters& p = catalogue_.classifier;
  for (std::size_t model = 0; model < sequences_.size(); ++model) {
    saved.logits.push_back(at::addmm(sequences_.parameter(model, p.bias), sequences_.of(model, pooled),
                                     sequences_.parameter(model, p.weight).t()));
  }
}

at::Tensor BertPass::pooled_after_dropout(const at::Tensor& pooled) const {
  if (!has_dropout()) return pooled;
  at::Tensor copy = pooled.clone();
  apply_pooled_dropout_(copy);
  return copy;
}

std::optional<at::Tensor> BertPass::classify_backward(const BertActivations& saved,
                                                      std::span<const Bert::ModelGradient> gradients,
                                                      const ModelSinks& sinks) const {
  const LinearParameters& p = catalogue_.classifier;
  const at::Tensor pooled = pooled_after_dropout(saved.pooled);
  at::Tensor gradient = at::empty_like(pooled);  // [B, H]
  for (std::size_t model = 0; model < sequences_.size(); ++model) {
    sinks.sink(model).on_linear(p, sequences_.of(model, pooled), gradients[model].logits);
    at::Tensor own = sequences_.of(model, gradient);
    at::mm_out(own, gradients[model].logits, sequences_.parameter(model, p.weight));
  }
  if (sinks.first_needing_gradient() >= p.weight) return std::nullopt;
  apply_pooled_dropout_(gradient);
  gradient = at::tanh_backward(gradient, saved.pooled);
  sinks.on_linear(sequences_, catalogue_.pooler, saved.first_tokens, gradient);
  if (sinks.first_needing_gradient() >= catalogue_.pooler.weight) return std::nullopt;
  gradient = input_gradient(sequences_, catalogue_.pooler, gradient);
  return are_tokens(after_last_layer_) ? scatter_first_tokens(gradient) : gradient;
}

}  // namespace tunescope
