#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

#include "tunescope/model/bert.hpp"

namespace tunescope {

/// The steps of one forward or backward pass, with the arguments that all of them need.
struct BertPass {
  const BertConfig& config;
  const ParameterCatalogue& catalogue;
  const Parameters& parameters;
  const PackedBatch& batch;
  std::optional<std::uint64_t> dropout_key;

  Dropout dropout(double probability, std::uint32_t site) const;

  AttentionLayout attention_layout() const;

  /// Dropout on rows [T, H] that belong to the tokens.
  void drop_tokens(const at::Tensor& rows, std::uint32_t site) const;

  /// Dropout on rows [B, H], one a sequence.
  void drop_pooled(const at::Tensor& rows) const;

  at::Tensor embed(LayerNormActivations& saved) const;

  void embed_backward(const LayerNormActivations& saved, at::Tensor gradient, GradientSink& sink) const;

  at::Tensor encode(std::size_t number, const at::Tensor& input, EncoderLayerActivations& saved) const;

  /// The gradient of attention_output, or nothing where no parameter below it is wanted.
  std::optional<at::Tensor> feed_forward_backward(std::size_t number, const EncoderLayerActivations& saved,
                                                  const at::Tensor& gradient, GradientSink& sink) const;

  /// The gradient of the layer's input, or nothing where no parameter below it is wanted.
  std::optional<at::Tensor> attention_block_backward(std::size_t number, const EncoderLayerActivations& saved,
                                                     const at::Tensor& gradient, GradientSink& sink) const;

  void classify(const at::Tensor& encoded, BertActivations& saved) const;

  at::Tensor dropped_pooled(const at::Tensor& pooled) const;

  /// The gradient of the encoder's output, or nothing where no parameter below the pooler is wanted.
  std::optional<at::Tensor> classify_backward(const BertActivations& saved, const at::Tensor& logits_gradient,
                                              GradientSink& sink) const;
};

}  // namespace tunescope
