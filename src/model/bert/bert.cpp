#include "tunescope/model/bert/bert.hpp"

#include "bert_pass.hpp"

namespace tunescope {

Bert::Bert(BertConfig config, const ParameterCatalogue& catalogue, const Bfloat16Weights* bfloat16_weights,
           LastLayer last_layer)
    : config_(config), catalogue_(catalogue), bfloat16_weights_(bfloat16_weights), last_layer_(last_layer) {}

at::Tensor Bert::logits(const Parameters& parameters, const PackedBatch& batch) const {
  const ModelInput model{parameters, batch};
  const BertPass pass(*this, {&model, 1});
  BertActivations saved;
  at::Tensor hidden = pass.embed(saved.embedding_layer_norm);
  for (std::size_t layer = 0; layer < catalogue_.layers.size(); ++layer) {
    EncoderLayerActivations discarded;
    hidden = pass.encode(layer, hidden, discarded);
  }
  pass.classify(hidden, saved);
  return saved.logits.front();
}

BertActivations Bert::forward(std::span<const ModelInput> models) const {
  const BertPass pass(*this, models);
  BertActivations saved;
  saved.layers.resize(catalogue_.layers.size());
  at::Tensor hidden = pass.embed(saved.embedding_layer_norm);
  for (std::size_t layer = 0; layer < saved.layers.size(); ++layer) {
    hidden = pass.encode(layer, hidden, saved.layers[layer]);
  }
  pass.classify(hidden, saved);
  return saved;
}

void Bert::backward(std::span<const ModelInput> models, const BertActivations& activations,
                    std::span<const ModelGradient> gradients) const {
  const BertPass pass(*this, models);
  const ModelSinks sinks(gradients);
  auto gradient = pass.classify_backward(activations, gradients, sinks);
  for (std::size_t layer = catalogue_.layers.size(); layer-- > 0 && gradient;) {
    gradient = pass.feed_forward_backward(layer, activations.layers[layer], *gradient, sinks);
    if (gradient) gradient = pass.attention_block_backward(layer, activations.layers[layer], *gradient, sinks);
  }
  if (gradient) pass.embed_backward(activations.embedding_layer_norm, *gradient, sinks);
}

}  // namespace tunescope
