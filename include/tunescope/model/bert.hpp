#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tunescope/data/packed_batch.hpp"
#include "tunescope/kernels/attention.hpp"
#include "tunescope/model/bert_config.hpp"
#include "tunescope/model/bfloat16_weights.hpp"
#include "tunescope/model/gradient_sink.hpp"
#include "tunescope/model/parameter_catalogue.hpp"
#include "tunescope/model/pretrained.hpp"

namespace tunescope {

/// Which tokens' hidden states leave the last encoder layer. The head reads those of each sequence's first token,
/// [CLS], alone: the others change no logit, and their gradients are zero. Dropout on this layer's attention draws
/// another mask where all are kept.
enum class LastLayer { kFirstTokens, kAllTokens };

/// What the forward pass of one encoder layer leaves for its backward pass. T tokens, R of them leave the layer, H
/// wide, I intermediate.
struct EncoderLayerActivations {
  at::Tensor input;             ///< [T, H]
  at::Tensor query_input;       ///< [R, H], the input of the tokens that leave the layer
  AttentionInputs projections;  ///< queries [R, H], keys and values [T, 2 H]
  AttentionOutput attention;
  LayerNormActivations attention_layer_norm;
  at::Tensor attention_output;  ///< [R, H], after LayerNorm
  at::Tensor intermediate;      ///< [R, I], before the activation
  at::Tensor activated;         ///< [R, I], after it
  LayerNormActivations output_layer_norm;
};

/// What a forward pass leaves behind. T tokens and B sequences of all lanes.
struct BertActivations {
  std::vector<at::Tensor> logits;  ///< by lane, [its sequences, its outputs]
  LayerNormActivations embedding_layer_norm;
  std::vector<EncoderLayerActivations> layers;
  at::Tensor first_tokens;  ///< [B, H], the encoder's output at each [CLS]
  at::Tensor pooled;        ///< [B, H], before the classifier's dropout
};

/// One model's part in a pass: its parameters and its batch. Several models of one architecture that share most of
/// their tensors are computed together, as lanes: their batches are laid end to end, and a tensor that is the same
/// object in all of them is multiplied once for all. Each lane's numbers are, to rounding, those of a pass of its own.
struct Lane {
  const Parameters& parameters;
  const PackedBatch& batch;
  std::optional<std::uint64_t> dropout_key = {};  ///< one a step, see `DropoutStreams`; absent: no dropout
};

/// BERT with a classification head on packed sequences (Devlin et al. 2019; tensor names and arithmetic of Hugging
/// Face's BertForSequenceClassification). Holds no weights: parameters are an argument, in catalogue order.
class Bert {
 public:
  /// The encoder's matrix products round their factors where there is a `rounded`; it is that of the model whose
  /// tensors the parameters are, and must outlive the object. Attention and the head stay as they are.
  Bert(BertConfig config, const ParameterCatalogue& catalogue, const Bfloat16Weights* rounded = nullptr,
       LastLayer last_layer = LastLayer::kFirstTokens);

  /// Logits [B, outputs] in evaluation mode; keeps no activations.
  at::Tensor logits(const Parameters& parameters, const PackedBatch& batch) const;

  /// Forward pass that keeps what the backward pass needs. Lanes may differ in everything but the architecture and
  /// whether they have dropout; their heads may differ in size.
  BertActivations forward(std::span<const Lane> lanes) const;
  BertActivations forward(const Lane& lane) const { return forward({&lane, 1}); }

  /// What the backward pass needs of a lane: the gradient of its logits, and who is told the factors of every wanted
  /// parameter's gradient.
  struct ModelGradient {
    at::Tensor logits;  ///< [its sequences, its outputs]
    GradientSink& sink;
  };
  /// `lanes` and `activations` are those of the forward pass; `gradients` by lane.
  void backward(std::span<const Lane> lanes, const BertActivations& activations,
                std::span<const ModelGradient> gradients) const;
  void backward(const Lane& lane, const BertActivations& activations, const ModelGradient& gradient) const {
    backward({&lane, 1}, activations, {&gradient, 1});
  }

 private:
  friend class BertPass;

  BertConfig config_;
  const ParameterCatalogue& catalogue_;
  const Bfloat16Weights* bfloat16_weights_;
  LastLayer last_layer_;
};

}  // namespace tunescope
