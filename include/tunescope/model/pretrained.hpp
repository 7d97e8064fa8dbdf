#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tunescope/model/network.hpp"
#include "tunescope/model/weights/packed_weights.hpp"

namespace tunescope {

/// A pre-trained encoder. A process loads it once, and its trials share it read-only.
struct PretrainedModel {
  std::shared_ptr<const Network> network;
  std::vector<at::Tensor> backbone;  ///< float32, in catalogue order, without the head; a missing pooler is all zeros
  FolderNotes notes = {};
  bool has_pooler = true;                              ///< whether the file has a pooler; if not, every trial draws one
  std::shared_ptr<PackedWeights> packed_weights = {};  ///< of the backbone, see `ModelInput`; null: products do without
};

/// Moves the tensors of a model to a device, makes those of each group of `Network::joint_tensors` contiguous in
/// memory, and lets products read packed copies of them.
void move_to(PretrainedModel& model, at::Device device);

/// SHA-256 over the configuration and the weights in a model folder. Throws `ModelError` as `load_pretrained` does.
std::string model_content_hash(const std::filesystem::path& folder);

/// Loads a Hugging Face folder (config.json, model.safetensors or shards), whose tensor names may or may not begin with
/// the prefix of the architecture. Heads in it are ignored: every trial starts with a new head. docs/model-folders.md
/// says what is accepted. Throws `ModelError` naming every unexpected, missing or wrongly shaped tensor.
PretrainedModel load_pretrained(const std::filesystem::path& folder);

/// The parameters that a trial starts from: the shared backbone and a new head, and a new pooler if the file had none.
/// New weights are normal with standard deviation `Network::initializer_range`, drawn by `seed`; new biases are zero.
Parameters with_new_head(const PretrainedModel& model, const ParameterCatalogue& catalogue, std::uint64_t seed);

}  // namespace tunescope
