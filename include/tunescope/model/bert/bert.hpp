#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tunescope/data/packed_batch.hpp"
#include "tunescope/kernels/attention.hpp"
#include "tunescope/model/bert/bert_config.hpp"
#include "tunescope/model/bfloat16_weights.hpp"
#include "tunescope/model/gradient_sink.hpp"
#include "tunescope/model/parameter_catalogue.hpp"
#include "tunescope/model/pretrained.hpp"

namespace tunescope {

// How a pass works. The sequences of a batch are packed end to end without padding, so every tensor has one row per
// token, [T, ...]. The forward pass keeps, for each encoder layer, the activations that the backward pass reads. The
// backward pass is written by hand, not recorded by autograd: it walks from the logits down to the embeddings,
// computes the gradient of each layer's input and hands the two operands of every parameter gradient to a
// `GradientSink`. It stops at the first parameter, in forward order, that needs a gradient, so a trial that trains the
// top of the network alone never pays for the bottom.

/// Which tokens' hidden states leave the last encoder layer. The head reads only the first token, [CLS], of each
/// sequence: the other tokens change no logit, and their gradients are zero. If all tokens are kept, dropout on this
/// layer's attention draws a different mask.
enum class LastLayer { kFirstTokens, kAllTokens };

/// What the forward pass of one encoder layer keeps for its backward pass. T tokens enter the layer, and R of them
/// leave it: all of them, or the first token of each sequence. H is the hidden size, I the intermediate size.
struct EncoderLayerActivations {
  at::Tensor input;             ///< [T, H]
  at::Tensor query_input;       ///< [R, H], the rows of `input` that leave the layer: only they need a query
  AttentionInputs projections;  ///< queries [R, H], keys and values [T, 2 H]
  AttentionOutput attention;
  LayerNormActivations attention_layer_norm;
  at::Tensor attention_output;  ///< [R, H], after LayerNorm
  at::Tensor intermediate;      ///< [R, I], before the activation
  at::Tensor activated;         ///< [R, I], after it
  LayerNormActivations output_layer_norm;
};

/// What a forward pass keeps. T tokens and B sequences over all models of the pass.
struct BertActivations {
  std::vector<at::Tensor> logits;  ///< for each model, [its sequences, its outputs]
  LayerNormActivations embedding_layer_norm;
  std::vector<EncoderLayerActivations> layers;
  at::Tensor first_tokens;  ///< [B, H], the encoder's output at each [CLS]
  at::Tensor pooled;        ///< [B, H], before the classifier's dropout
};

/// What one model brings to a pass: its parameters and its batch. Several models of one architecture that share most
/// of their tensors (co-trained trials on one frozen backbone) are computed in one pass: their batches are laid end to
/// end, and a weight that is the same object in all of them is multiplied with all rows at once. Each model gets, to
/// rounding, the numbers that a pass of its own would give.
struct ModelInput {
  const Parameters& parameters;
  const PackedBatch& batch;
  std::optional<std::uint64_t> dropout_key = {};  ///< a new key for each step, see `DropoutStreams`; absent: no dropout
};

/// BERT with a classification head on packed sequences (Devlin et al. 2019). Tensor names and arithmetic are those of
/// Hugging Face's BertForSequenceClassification. The object holds no weights: the parameters are an argument, in
/// catalogue order.
class Bert {
 public:
  /// With `bfloat16_weights`, the matrix products of the encoder's linear layers cast their operands to bfloat16;
  /// attention and the head stay in full precision. It must be built from the model whose tensors the parameters
  /// share, and must outlive the object.
  Bert(BertConfig config, const ParameterCatalogue& catalogue, const Bfloat16Weights* bfloat16_weights = nullptr,
       LastLayer last_layer = LastLayer::kFirstTokens);

  /// Logits [B, outputs] in evaluation mode. Keeps no activations.
  at::Tensor logits(const Parameters& parameters, const PackedBatch& batch) const;

  /// Forward pass that keeps what the backward pass needs. The models must have the same architecture, and either all
  /// or none of them have dropout; all else may differ, the number of outputs included. Throws `Error` if only some
  /// have dropout.
  BertActivations forward(std::span<const ModelInput> models) const;
  BertActivations forward(const ModelInput& model) const { return forward({&model, 1}); }

  /// What the backward pass needs for each model: the gradient of its logits, and the sink that receives the operands
  /// of every parameter gradient.
  struct ModelGradient {
    at::Tensor logits;  ///< [its sequences, its outputs]
    GradientSink& sink;
  };
  /// `models` and `activations` must be those of the forward pass; `gradients` has one entry for each model.
  void backward(std::span<const ModelInput> models, const BertActivations& activations,
                std::span<const ModelGradient> gradients) const;
  void backward(const ModelInput& model, const BertActivations& activations, const ModelGradient& gradient) const {
    backward({&model, 1}, activations, {&gradient, 1});
  }

 private:
  friend class BertPass;

  BertConfig config_;
  const ParameterCatalogue& catalogue_;
  const Bfloat16Weights* bfloat16_weights_;
  LastLayer last_layer_;
};

}  // namespace tunescope
