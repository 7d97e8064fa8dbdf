#include "bert_pass.hpp"

#include <ATen/ops/embedding.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/tanh.h>
#include <ATen/ops/tanh_backward.h>
#include <ATen/ops/zeros.h>

#include <numeric>

#include "layers.hpp"

namespace tunescope {
namespace {

// Numbers of the network's dropout layers; each encoder layer has three.
constexpr std::uint32_t kEmbeddingSite = 0;
constexpr std::uint32_t kClassifierSite = 1;
constexpr std::uint32_t kFirstLayerSite = 2;
enum class LayerSite : std::uint32_t { kProbabilities, kAttentionOutput, kOutput };

constexpr std::uint32_t layer_site(std::size_t layer, LayerSite site) {
  return kFirstLayerSite + 3 * static_cast<std::uint32_t>(layer) + static_cast<std::uint32_t>(site);
}

}  // namespace

Dropout BertPass::dropout(double probability, std::uint32_t site) const {
  if (!dropout_key) return {};
  return {.probability = probability, .key = *dropout_key, .site = site};
}

AttentionLayout BertPass::attention_layout() const {
  return {batch.sequence_offsets, batch.examples, config.num_attention_heads};
}

void BertPass::drop_tokens(const at::Tensor& rows, std::uint32_t site) const {
  apply_dropout_(rows, {batch.sequence_offsets, rows.size(1), batch.examples},
                 dropout(config.hidden_dropout_prob, site));
}

void BertPass::drop_pooled(const at::Tensor& rows) const {
  std::vector<std::int64_t> offsets(batch.examples.size() + 1);
  std::iota(offsets.begin(), offsets.end(), 0);
  apply_dropout_(rows, {offsets, rows.size(1), batch.examples}, dropout(config.classifier_dropout, kClassifierSite));
}

at::Tensor BertPass::embed(LayerNormActivations& saved) const {
  const EmbeddingParameters& p = catalogue.embeddings;
  saved.input = at::embedding(parameters[p.word], batch.token_ids);
  saved.input.add_(at::embedding(parameters[p.position], batch.position_ids));
  saved.input.add_(at::embedding(parameters[p.type], batch.type_ids));  // [T, H]
  at::Tensor output = layer_norm(parameters, p.layer_norm, config.layer_norm_eps, saved);
  drop_tokens(output, kEmbeddingSite);
  return output;
}

void BertPass::embed_backward(const LayerNormActivations& saved, at::Tensor gradient, GradientSink& sink) const {
  const EmbeddingParameters& p = catalogue.embeddings;
  drop_tokens(gradient, kEmbeddingSite);
  sink.layer_norm(p.layer_norm, saved, gradient);
  if (sink.lowest_wanted() >= p.layer_norm.weight) return;
  gradient = layer_norm_input_gradient(parameters, p.layer_norm, saved, gradient);
  sink.embedding(p.word, batch.token_ids, gradient);
  sink.embedding(p.position, batch.position_ids, gradient);
  sink.embedding(p.type, batch.type_ids, gradient);
}

at::Tensor BertPass::encode(std::size_t number, const at::Tensor& input, EncoderLayerActivations& saved) const {
  const EncoderLayerParameters& p = catalogue.layers[number];
  saved.input = input;
  saved.attention_inputs = {linear(parameters, p.query, input), linear(parameters, p.key, input),
                            linear(parameters, p.value, input)};
  saved.attention =
      attention(saved.attention_inputs, attention_layout(),
                dropout(config.attention_probs_dropout_prob, layer_site(number, LayerSite::kProbabilities)));
  at::Tensor hidden = linear(parameters, p.attention_output, saved.attention.context);
  drop_tokens(hidden, layer_site(number, LayerSite::kAttentionOutput));
  saved.attention_layer_norm.input = hidden.add_(input);
  saved.attention_output =
      layer_norm(parameters, p.attention_layer_norm, config.layer_norm_eps, saved.attention_layer_norm);

  saved.intermediate = linear(parameters, p.intermediate, saved.attention_output);  // [T, I]
  saved.activated = activate(config.hidden_act, saved.intermediate);
  hidden = linear(parameters, p.output, saved.activated);  // [T, H]
  drop_tokens(hidden, layer_site(number, LayerSite::kOutput));
  saved.output_layer_norm.input = hidden.add_(saved.attention_output);
  return layer_norm(parameters, p.output_layer_norm, config.layer_norm_eps, saved.output_layer_norm);
}

std::optional<at::Tensor> BertPass::feed_forward_backward(std::size_t number, const EncoderLayerActivations& saved,
                                                          const at::Tensor& gradient, GradientSink& sink) const {
  const EncoderLayerParameters& p = catalogue.layers[number];
  sink.layer_norm(p.output_layer_norm, saved.output_layer_norm, gradient);
  if (sink.lowest_wanted() >= p.output_layer_norm.weight) return std::nullopt;
  at::Tensor residual = layer_norm_input_gradient(parameters, p.output_layer_norm, saved.output_layer_norm, gradient);
  at::Tensor hidden = residual;
  if (dropout_key) {
    hidden = residual.clone();
    drop_tokens(hidden, layer_site(number, LayerSite::kOutput));
  }
  sink.linear(p.output, saved.activated, hidden);
  if (sink.lowest_wanted() >= p.output.weight) return std::nullopt;
  hidden =
      activate_backward(config.hidden_act, saved.intermediate, linear_input_gradient(parameters, p.output, hidden));
  sink.linear(p.intermediate, saved.attention_output, hidden);
  if (sink.lowest_wanted() >= p.intermediate.weight) return std::nullopt;
  return residual.add_(linear_input_gradient(parameters, p.intermediate, hidden));
}

std::optional<at::Tensor> BertPass::attention_block_backward(std::size_t number, const EncoderLayerActivations& saved,
                                                             const at::Tensor& gradient, GradientSink& sink) const {
  const EncoderLayerParameters& p = catalogue.layers[number];
  sink.layer_norm(p.attention_layer_norm, saved.attention_layer_norm, gradient);
  if (sink.lowest_wanted() >= p.attention_layer_norm.weight) return std::nullopt;
  at::Tensor residual =
      layer_norm_input_gradient(parameters, p.attention_layer_norm, saved.attention_layer_norm, gradient);
  at::Tensor hidden = residual;
  if (dropout_key) {
    hidden = residual.clone();
    drop_tokens(hidden, layer_site(number, LayerSite::kAttentionOutput));
  }
  sink.linear(p.attention_output, saved.attention.context, hidden);
  if (sink.lowest_wanted() >= p.attention_output.weight) return std::nullopt;
  const AttentionInputs gradients =
      attention_backward(linear_input_gradient(parameters, p.attention_output, hidden), saved.attention.probabilities,
                         saved.attention_inputs, attention_layout(),
                         dropout(config.attention_probs_dropout_prob, layer_site(number, LayerSite::kProbabilities)));
  sink.linear(p.query, saved.input, gradients.query);
  sink.linear(p.key, saved.input, gradients.key);
  sink.linear(p.value, saved.input, gradients.value);
  if (sink.lowest_wanted() >= p.query.weight) return std::nullopt;
  return residual.add_(linear_input_gradient(parameters, p.query, gradients.query))
      .add_(linear_input_gradient(parameters, p.key, gradients.key))
      .add_(linear_input_gradient(parameters, p.value, gradients.value));
}

void BertPass::classify(const at::Tensor& encoded, BertActivations& saved) const {
  saved.first_tokens = at::index_select(encoded, 0, batch.first_tokens);  // [B, H]
  saved.pooled = at::tanh(linear(parameters, catalogue.pooler, saved.first_tokens));
  saved.logits = linear(parameters, catalogue.classifier, dropped_pooled(saved.pooled));
}

at::Tensor BertPass::dropped_pooled(const at::Tensor& pooled) const {
  if (!dropout_key) return pooled;
  at::Tensor copy = pooled.clone();
  drop_pooled(copy);
  return copy;
}

std::optional<at::Tensor> BertPass::classify_backward(const BertActivations& saved, const at::Tensor& logits_gradient,
                                                      GradientSink& sink) const {
  sink.linear(catalogue.classifier, dropped_pooled(saved.pooled), logits_gradient);
  if (sink.lowest_wanted() >= catalogue.classifier.weight) return std::nullopt;
  at::Tensor gradient = linear_input_gradient(parameters, catalogue.classifier, logits_gradient);  // [B, H]
  drop_pooled(gradient);
  gradient = at::tanh_backward(gradient, saved.pooled);
  sink.linear(catalogue.pooler, saved.first_tokens, gradient);
  if (sink.lowest_wanted() >= catalogue.pooler.weight) return std::nullopt;
  gradient = linear_input_gradient(parameters, catalogue.pooler, gradient);
  return at::zeros({batch.token_count(), config.hidden_size}, gradient.options())
      .index_copy_(0, batch.first_tokens, gradient);  // [T, H]
}

}  // namespace tunescope
