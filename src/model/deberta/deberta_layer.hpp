#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "model/catalogue_builder.hpp"
#include "model/deberta/deberta.hpp"
#include "model/operations/operations.hpp"

namespace tunescope {

/// An encoder layer of DeBERTa-v2: as BERT's, with disentangled attention.
struct DebertaLayer {
  LinearParameters query, key, value;
  std::optional<LinearParameters> position_key, position_query;  // if they are not `key` and `query`
  LinearParameters attention_output;
  LayerNormParameters attention_layer_norm;
  LinearParameters intermediate;
  LinearParameters output;
  LayerNormParameters output_layer_norm;
};

/// Lists the tensors of a layer by the names of Hugging Face's DebertaV2Layer, in the layer that the builder is in.
DebertaLayer add_deberta_layer(CatalogueBuilder& builder, const DebertaConfig& config);

/// As `Network::joint_tensors`.
std::vector<std::vector<ParameterIndex>> joint_tensors_of(const DebertaLayer& layer);

/// Computes layer `number`, from 0: the hidden states [T, H] to those that leave it, see `LastLayer`. `distances` [R,
/// H] are the embeddings of the distances, if attention reads any.
Value deberta_layer(Recording& pass, const DebertaLayer& layer, const DebertaConfig& config, std::size_t number,
                    const Value& input, const std::optional<Value>& distances);

// The dropout layers are numbered, and each number selects masks of its own: these never change.
enum class DebertaSite : std::uint32_t { kEmbeddings, kHead, kFirstLayer };
inline constexpr std::uint32_t kSitesPerLayer = 4;
/// Of the head's pooler, and of the convolution.
std::uint32_t pooler_site(const DebertaConfig& config);
std::uint32_t convolution_site(const DebertaConfig& config);

}  // namespace tunescope
