#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tunescope/model/bert_config.hpp"
#include "tunescope/model/parameter_catalogue.hpp"

namespace tunescope {

/// A pre-trained encoder, loaded once a process and shared, read-only, by its trials.
struct PretrainedModel {
  BertConfig config;
  std::vector<at::Tensor> backbone;  ///< float32, in catalogue order, without the head; a pooler that is missing is 0
  FolderNotes notes = {};
  bool has_pooler = true;  ///< in the file; without, every trial draws one
};

/// Moves a model's tensors to a device. On each, the query, key and value weights of a layer follow each other in
/// memory, so that they can be multiplied at once.
void move_to(PretrainedModel& model, at::Device device);

/// SHA-256 over a model folder's configuration and weights. Throws `ModelError` as `load_pretrained` does.
std::string model_content_hash(const std::filesystem::path& folder);

/// Loads a Hugging Face folder (config.json, model.safetensors or shards), with or without the "bert." prefix. Heads in
/// it are left out: every trial starts a head of its own. docs/model-folders.md says what is accepted. Throws
/// `ModelError` naming every unexpected, missing or wrongly shaped tensor.
PretrainedModel load_pretrained(const std::filesystem::path& folder);

/// A model's tensors in catalogue order, head included.
using Parameters = std::vector<at::Tensor>;

/// Shares the backbone and adds a head, and a pooler where the file had none: weights normal with the configuration's
/// initializer_range, by seed; bias zero.
Parameters with_new_head(const PretrainedModel& model, const ParameterCatalogue& catalogue, std::uint64_t seed);

}  // namespace tunescope
