#include "tunescope/model/bert.hpp"

#include "bert_pass.hpp"

namespace tunescope {

Bert::Bert(BertConfig config, const ParameterCatalogue& catalogue) : config_(config), catalogue_(catalogue) {}

at::Tensor Bert::logits(const Parameters& parameters, const PackedBatch& batch) const {
  const BertPass pass{config_, catalogue_, parameters, batch, std::nullopt};
  BertActivations saved;
  at::Tensor hidden = pass.embed(saved.embedding_layer_norm);
  for (std::size_t layer = 0; layer < catalogue_.layers.size(); ++layer) {
    EncoderLayerActivations discarded;
    hidden = pass.encode(layer, hidden, discarded);
  }
  pass.classify(hidden, saved);
  return saved.logits;
}

BertActivations Bert::forward(const Parameters& parameters, const PackedBatch& batch,
                              std::optional<std::uint64_t> dropout_key) const {
  const BertPass pass{config_, catalogue_, parameters, batch, dropout_key};
  BertActivations saved;
  saved.layers.resize(catalogue_.layers.size());
  at::Tensor hidden = pass.embed(saved.embedding_layer_norm);
  for (std::size_t layer = 0; layer < saved.layers.size(); ++layer) {
    hidden = pass.encode(layer, hidden, saved.layers[layer]);
  }
  pass.classify(hidden, saved);
  return saved;
}

void Bert::backward(const Parameters& parameters, const PackedBatch& batch, const BertActivations& activations,
                    std::optional<std::uint64_t> dropout_key, const at::Tensor& logits_gradient,
                    GradientSink& sink) const {
  const BertPass pass{config_, catalogue_, parameters, batch, dropout_key};
  auto gradient = pass.classify_backward(activations, logits_gradient, sink);
  for (std::size_t layer = catalogue_.layers.size(); layer-- > 0 && gradient;) {
    gradient = pass.feed_forward_backward(layer, activations.layers[layer], *gradient, sink);
    if (gradient) gradient = pass.attention_block_backward(layer, activations.layers[layer], *gradient, sink);
  }
  if (gradient) pass.embed_backward(activations.embedding_layer_norm, *gradient, sink);
}

}  // namespace tunescope
