#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <span>
#include <vector>

#include "model/model_rows.hpp"
#include "tunescope/model/bert/bert.hpp"

namespace tunescope {

/// The steps of one forward or backward pass, and the arguments that all of them need. The batches of all models are
/// joined on construction, so each step works on one tensor with the rows of all models; `ModelRows` knows which rows
/// belong to which model and which of their parameters are shared.
class BertPass {
 public:
  BertPass(const Bert& bert, std::span<const ModelInput> models);
  BertPass(const BertPass&) = delete;
  BertPass& operator=(const BertPass&) = delete;

  at::Tensor embed(LayerNormActivations& saved) const;

  void embed_backward(const LayerNormActivations& saved, at::Tensor gradient, const ModelSinks& sinks) const;

  /// Returns the hidden states that leave the layer, [R, H]: see `LastLayer`.
  at::Tensor encode(std::size_t number, const at::Tensor& input, EncoderLayerActivations& saved) const;

  /// Returns the gradient of `attention_output`, or nothing if no parameter below it needs a gradient.
  std::optional<at::Tensor> feed_forward_backward(std::size_t number, const EncoderLayerActivations& saved,
                                                  const at::Tensor& gradient, const ModelSinks& sinks) const;

  /// Returns the gradient of the layer's input, or nothing if no parameter below it needs a gradient.
  std::optional<at::Tensor> attention_block_backward(std::size_t number, const EncoderLayerActivations& saved,
                                                     const at::Tensor& gradient, const ModelSinks& sinks) const;

  void classify(const at::Tensor& encoded, BertActivations& saved) const;

  /// Returns the gradient of the encoder's output, or nothing if no parameter below the pooler needs a gradient.
  std::optional<at::Tensor> classify_backward(const BertActivations& saved,
                                              std::span<const Bert::ModelGradient> gradients,
                                              const ModelSinks& sinks) const;

 private:
  bool has_dropout() const { return !dropout_keys_.empty(); }
  DropoutStreams streams() const { return {batch_.examples, dropout_keys_}; }
  /// The dropout layer at `site`; its probability is 0 if the pass has no dropout.
  Dropout dropout(double probability, std::uint32_t site) const;
  /// The rows that leave a layer: all tokens, or one row per sequence.
  const ModelRows& rows_after(std::size_t layer) const;
  bool are_tokens(const ModelRows& rows) const { return &rows == &tokens_; }
  AttentionLayout attention_layout(const ModelRows& queries) const;
  RowLayout row_layout(const ModelRows& rows) const { return {rows.offsets(), rows.sequence_offsets(), streams()}; }
  LayerNormWeights layer_norm_weights(const LayerNormParameters& p) const;
  /// Takes the first token's row of each sequence: [T, H] to [B, H]. The scatter is the inverse, with zeros elsewhere.
  at::Tensor gather_first_tokens(const at::Tensor& rows) const;
  at::Tensor scatter_first_tokens(const at::Tensor& rows) const;
  /// The classifier's dropout on [B, H], one row per sequence, in place.
  void apply_pooled_dropout_(const at::Tensor& rows) const;
  at::Tensor pooled_after_dropout(const at::Tensor& pooled) const;

  const BertConfig& config_;
  const ParameterCatalogue& catalogue_;
  PackedBatch batch_;  // the sequences of all models
  ModelRows tokens_, sequences_;
  const ModelRows& after_last_layer_;
  std::vector<std::uint64_t> dropout_keys_;  // one for each sequence; empty: no dropout
};

}  // namespace tunescope
