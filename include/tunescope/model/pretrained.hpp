#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tunescope/model/bert/bert_config.hpp"
#include "tunescope/model/parameter_catalogue.hpp"

namespace tunescope {

/// A pre-trained encoder. A process loads it once, and its trials share it read-only.
struct PretrainedModel {
  BertConfig config;
  std::vector<at::Tensor> backbone;  ///< float32, in catalogue order, without the head; a missing pooler is all zeros
  FolderNotes notes = {};
  bool has_pooler = true;  ///< whether the file has a pooler; if not, every trial draws one
};

/// Moves the tensors of a model to a device. The query, key and value weights of a layer are made contiguous in memory,
/// so that one matrix product can apply them.
void move_to(PretrainedModel& model, at::Device device);

/// SHA-256 over the configuration and the weights in a model folder. Throws `ModelError` as `load_pretrained` does.
std::string model_content_hash(const std::filesystem::path& folder);

/// Loads a Hugging Face folder (config.json, model.safetensors or shards), whose tensor names may or may not begin with
/// "bert.". Heads in it are ignored: every trial starts with a new head. docs/model-folders.md says what is accepted.
/// Throws `ModelError` naming every unexpected, missing or wrongly shaped tensor.
PretrainedModel load_pretrained(const std::filesystem::path& folder);

/// The tensors of a model in catalogue order, head included.
using Parameters = std::vector<at::Tensor>;

/// The parameters that a trial starts from: the shared backbone and a new head, and a new pooler if the file had none.
/// New weights are normal with standard deviation `initializer_range`, drawn by `seed`; new biases are zero.
Parameters with_new_head(const PretrainedModel& model, const ParameterCatalogue& catalogue, std::uint64_t seed);

}  // namespace tunescope
