#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tunescope {

/// The kind of layer that a tensor belongs to. Methods select by it. A scale is a vector that a method adds.
enum class ParameterRole { kEmbedding, kDense, kLayerNorm, kScale };

/// The block of the network that a tensor belongs to.
enum class Block { kEmbeddings, kAttention, kFeedForward, kPooler, kHead };

/// What a LayerNorm comes after. In a network whose blocks begin with one, as GPT-2's do, it is the block before: so
/// every architecture has as many after attention, and after feed-forward, as it has layers.
enum class Follows { kEmbeddings, kAttention, kFeedForward, kOther };

/// How the weight of a linear layer lies in files. It lies so in memory and in all maps too: gradients, changes, Fisher
/// information.
enum class WeightLayout {
  kOutIn,  ///< [out, in], as in most models
  kInOut   ///< [in, out], as in GPT-2 (Conv1D of transformers)
};

/// One tensor of the model.
struct ParameterInfo {
  std::string name;       ///< Hugging Face's, e.g. "bert.encoder.layer.3.output.LayerNorm.weight"
  std::string component;  ///< the name without its layer prefix, e.g. "output.LayerNorm.weight"
  std::size_t layer = 0;  ///< index into `ParameterCatalogue::layer_labels`
  std::vector<std::int64_t> shape;
  ParameterRole role = ParameterRole::kDense;
  Block block = Block::kEmbeddings;
  bool is_bias = false;
  /// A bias that adds the same to the scores of all keys of a query, which softmax takes out again.
  bool has_no_gradient = false;
  bool is_added = false;                       ///< by the method, behind the tensors of the model
  std::optional<Follows> follows = {};         ///< of a LayerNorm
  WeightLayout layout = WeightLayout::kOutIn;  ///< of a matrix

  std::int64_t size() const;  ///< number of scalars
  bool is_layer_norm() const { return role == ParameterRole::kLayerNorm; }
  bool is_matrix() const { return role == ParameterRole::kDense && !is_bias; }
  bool is_head() const { return block == Block::kHead; }
};

/// Index of a tensor in the catalogue. Tensors are numbered in the order in which the forward pass first uses them, the
/// head last, and behind it those that a method adds.
using ParameterIndex = std::size_t;

struct LinearParameters {
  ParameterIndex weight = 0;
  std::optional<ParameterIndex> bias = {};  ///< [out]
  WeightLayout layout = WeightLayout::kOutIn;

  /// The number of outputs of a layer whose weight has this shape, and of inputs.
  std::int64_t outputs(at::IntArrayRef weight_shape) const {
    return weight_shape[layout == WeightLayout::kOutIn ? 0 : 1];
  }
  std::int64_t inputs(at::IntArrayRef weight_shape) const {
    return weight_shape[layout == WeightLayout::kOutIn ? 1 : 0];
  }
};

struct LayerNormParameters {
  ParameterIndex weight = 0;  ///< [H]
  ParameterIndex bias = 0;    ///< [H]
};

/// The tensors of a model in catalogue order, head included.
using Parameters = std::vector<at::Tensor>;

/// Every tensor of a sequence classifier. A tensor's place is its layer and its component; these two are the
/// coordinates of all maps in result files.
class ParameterCatalogue {
 public:
  /// `encoder_layers` of the layers are those of the encoder.
  ParameterCatalogue(std::vector<ParameterInfo> parameters, std::vector<std::string> layer_labels,
                     std::size_t encoder_layers);

  /// Adds a tensor behind all others, as methods do (see `Additions`). `info.layer` is one of the layers that are
  /// there.
  ParameterIndex append(ParameterInfo info);

  const std::vector<ParameterInfo>& parameters() const { return parameters_; }
  const ParameterInfo& operator[](ParameterIndex index) const { return parameters_[index]; }
  std::size_t size() const { return parameters_.size(); }
  /// Number of tensors of the pre-trained model, which come first.
  std::size_t backbone_count() const;
  std::size_t encoder_layers() const { return encoder_layers_; }

  /// "embeddings", "0" ... "L-1", "pooler", "head"; in a DeBERTa also "relative" behind "embeddings", and "conv" behind
  /// "0"; in a GPT-2 "final", a LayerNorm behind the last layer.
  const std::vector<std::string>& layer_labels() const { return layer_labels_; }
  /// Position among the labels of what a `DepthObserver` calls layer `depth`.
  std::size_t layer_of_depth(std::size_t depth) const;
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

 private:
  std::vector<ParameterInfo> parameters_;
  std::vector<std::string> layer_labels_;
  std::size_t encoder_layers_;
  std::vector<std::string> component_labels_;
  std::vector<std::size_t> component_indices_;
};

}  // namespace tunescope
