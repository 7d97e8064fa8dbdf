#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <span>
#include <vector>

#include "model_rows.hpp"
#include "tunescope/model/bert.hpp"

namespace tunescope {

/// The steps of one forward or backward pass, with the arguments that all of them need.
class BertPass {
 public:
  BertPass(const Bert& bert, std::span<const Lane> lanes);
  BertPass(const BertPass&) = delete;
  BertPass& operator=(const BertPass&) = delete;

  at::Tensor embed(LayerNormActivations& saved) const;

  void embed_backward(const LayerNormActivations& saved, at::Tensor gradient, const ModelSinks& sinks) const;

  /// The hidden states that leave the layer, [R, H]: see `LastLayer`.
  at::Tensor encode(std::size_t number, const at::Tensor& input, EncoderLayerActivations& saved) const;

  /// The gradient of attention_output, or nothing where no parameter below it is wanted.
  std::optional<at::Tensor> feed_forward_backward(std::size_t number, const EncoderLayerActivations& saved,
                                                  const at::Tensor& gradient, const ModelSinks& sinks) const;

  /// The gradient of the layer's input, or nothing where no parameter below it is wanted.
  std::optional<at::Tensor> attention_block_backward(std::size_t number, const EncoderLayerActivations& saved,
                                                     const at::Tensor& gradient, const ModelSinks& sinks) const;

  void classify(const at::Tensor& encoded, BertActivations& saved) const;

  /// The gradient of the encoder's output, or nothing where no parameter below the pooler is wanted.
  std::optional<at::Tensor> classify_backward(const BertActivations& saved,
                                              std::span<const Bert::ModelGradient> gradients,
                                              const ModelSinks& sinks) const;

 private:
  bool has_dropout() const { return !dropout_keys_.empty(); }
  DropoutStreams streams() const { return {batch_.examples, dropout_keys_}; }
  /// A dropout layer, off where the pass has no dropout.
  Dropout dropout(double probability, std::uint32_t site) const;
  /// The rows that leave a layer.
  const ModelRows& rows_after(std::size_t layer) const;
  bool are_tokens(const ModelRows& rows) const { return &rows == &tokens_; }
  AttentionLayout attention_layout(const ModelRows& queries) const;
  RowLayout row_layout(const ModelRows& rows) const { return {rows.offsets(), rows.sequence_offsets(), streams()}; }
  LayerNormWeights vectors(const LayerNormParameters& p) const;
  /// Of rows [T, H], those of the sequences' first tokens [B, H]; and back, with zeros between them.
  at::Tensor gather_first_tokens(const at::Tensor& rows) const;
  at::Tensor scatter_first_tokens(const at::Tensor& rows) const;
  /// Dropout on rows [B, H], one a sequence.
  void drop_pooled(const at::Tensor& rows) const;
  at::Tensor dropped_pooled(const at::Tensor& pooled) const;

  const BertConfig& config_;
  const ParameterCatalogue& catalogue_;
  PackedBatch batch_;  // the sequences of all lanes
  ModelRows tokens_, sequences_;
  const ModelRows& after_last_layer_;
  std::vector<std::uint64_t> dropout_keys_;  // by sequence; empty: no dropout
};

}  // namespace tunescope
