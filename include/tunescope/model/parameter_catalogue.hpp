#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tunescope/model/bert/bert_config.hpp"

namespace tunescope {

/// The kind of layer that a tensor belongs to. Methods select by it.
enum class ParameterRole { kEmbedding, kDense, kLayerNorm };

/// The block of the network that a tensor belongs to.
enum class Block { kEmbeddings, kAttention, kFeedForward, kPooler, kHead };

/// One tensor of the model.
struct ParameterInfo {
  std::string name;       ///< Hugging Face's, e.g. "bert.encoder.layer.3.output.LayerNorm.weight"
  std::string component;  ///< the name without its layer prefix, e.g. "output.LayerNorm.weight"
  std::size_t layer = 0;  ///< index into `ParameterCatalogue::layer_labels`
  std::vector<std::int64_t> shape;
  ParameterRole role = ParameterRole::kDense;
  Block block = Block::kEmbeddings;
  bool is_bias = false;

  std::int64_t size() const;  ///< number of scalars
  bool is_layer_norm() const { return role == ParameterRole::kLayerNorm; }
  bool is_head() const { return block == Block::kHead; }
};

/// Index of a tensor in the catalogue. Tensors are numbered in the order in which the forward pass uses them, so the
/// backward pass can stop at the first one that needs a gradient.
using ParameterIndex = std::size_t;

struct LinearParameters {
  ParameterIndex weight = 0;  ///< [out, in]
  ParameterIndex bias = 0;    ///< [out]
};

struct LayerNormParameters {
  ParameterIndex weight = 0;  ///< [H]
  ParameterIndex bias = 0;    ///< [H]
};

struct EmbeddingParameters {
  ParameterIndex word = 0;      ///< [vocabulary, H]
  ParameterIndex position = 0;  ///< [positions, H]
  ParameterIndex type = 0;      ///< [types, H]
  LayerNormParameters layer_norm;
};

struct EncoderLayerParameters {
  LinearParameters query, key, value;
  LinearParameters attention_output;
  LayerNormParameters attention_layer_norm;
  LinearParameters intermediate;
  LinearParameters output;
  LayerNormParameters output_layer_norm;
};

/// Every tensor of a BERT sequence classifier. A tensor's place is its layer and its component; these two are the
/// coordinates of all maps in result files.
class ParameterCatalogue {
 public:
  /// The tensors of BertForSequenceClassification with `output_size` outputs.
  ParameterCatalogue(const BertConfig& config, std::int64_t output_size);

  const std::vector<ParameterInfo>& parameters() const { return parameters_; }
  const ParameterInfo& operator[](ParameterIndex index) const { return parameters_[index]; }
  std::size_t size() const { return parameters_.size(); }

  /// "embeddings", "0" ... "L-1", "pooler", "head".
  const std::vector<std::string>& layer_labels() const { return layer_labels_; }
  /// The name of each component once, in model order.
  const std::vector<std::string>& component_labels() const { return component_labels_; }
  /// Position of a parameter's component in `component_labels`.
  std::size_t component_index(ParameterIndex index) const { return component_indices_[index]; }

  /// Position of a parameter in a row-major [layer, component] map.
  std::size_t cell(ParameterIndex index) const {
    return parameters_[index].layer * component_labels_.size() + component_indices_[index];
  }

  /// Number of scalars without the head.
  std::int64_t backbone_size() const;
  /// Number of scalars with the head.
  std::int64_t total_size() const;

  EmbeddingParameters embeddings;
  std::vector<EncoderLayerParameters> layers;
  LinearParameters pooler;
  LinearParameters classifier;

 private:
  ParameterIndex add(ParameterInfo info, std::string_view prefix);
  LinearParameters add_linear(std::string_view prefix, const std::string& name, Block block, std::int64_t out,
                              std::int64_t in);
  LayerNormParameters add_layer_norm(std::string_view prefix, const std::string& name, Block block, std::int64_t size);
  void add_layer(const BertConfig& config, std::int64_t number);

  std::vector<ParameterInfo> parameters_;
  std::vector<std::string> layer_labels_;
  std::vector<std::string> component_labels_;
  std::vector<std::size_t> component_indices_;
};

}  // namespace tunescope
