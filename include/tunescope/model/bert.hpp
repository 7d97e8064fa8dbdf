#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <vector>

#include "tunescope/data/packed_batch.hpp"
#include "tunescope/kernels/attention.hpp"
#include "tunescope/model/bert_config.hpp"
#include "tunescope/model/gradient_sink.hpp"
#include "tunescope/model/parameter_catalogue.hpp"
#include "tunescope/model/pretrained.hpp"

namespace tunescope {

/// What the forward pass of one encoder layer leaves for its backward pass. T tokens, H wide, I intermediate.
struct EncoderLayerActivations {
  at::Tensor input;                  ///< [T, H]
  AttentionInputs attention_inputs;  ///< [T, H] each
  AttentionOutput attention;
  LayerNormActivations attention_layer_norm;
  at::Tensor attention_output;  ///< [T, H], after LayerNorm
  at::Tensor intermediate;      ///< [T, I], before the activation
  at::Tensor activated;         ///< [T, I], after it
  LayerNormActivations output_layer_norm;
};

/// What a forward pass leaves behind.
struct BertActivations {
  at::Tensor logits;  ///< [B, outputs]
  LayerNormActivations embedding_layer_norm;
  std::vector<EncoderLayerActivations> layers;
  at::Tensor first_tokens;  ///< [B, H], the encoder's output at each [CLS]
  at::Tensor pooled;        ///< [B, H], before the classifier's dropout
};

/// BERT with a classification head on packed sequences (Devlin et al. 2019; tensor names and arithmetic of Hugging
/// Face's BertForSequenceClassification). Holds no weights: parameters are an argument, in catalogue order.
class Bert {
 public:
  Bert(BertConfig config, const ParameterCatalogue& catalogue);

  /// Logits [B, outputs] in evaluation mode; keeps no activations.
  at::Tensor logits(const Parameters& parameters, const PackedBatch& batch) const;

  /// Forward pass in training mode; `dropout_key` (one a step, see `Dropout`) absent means no dropout.
  BertActivations forward(const Parameters& parameters, const PackedBatch& batch,
                          std::optional<std::uint64_t> dropout_key) const;

  /// Tells `sink` the factors of every wanted parameter's gradient, from the gradient of the logits [B, outputs].
  /// The other arguments are those of the forward pass.
  void backward(const Parameters& parameters, const PackedBatch& batch, const BertActivations& activations,
                std::optional<std::uint64_t> dropout_key, const at::Tensor& logits_gradient, GradientSink& sink) const;

 private:
  BertConfig config_;
  const ParameterCatalogue& catalogue_;
};

}  // namespace tunescope
