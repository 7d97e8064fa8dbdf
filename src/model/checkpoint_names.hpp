#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tunescope/io/safetensors.hpp"
#include "tunescope/model/network.hpp"

namespace tunescope {

/// Which stored tensor is which tensor of the model.
struct CheckpointNames {
  /// By catalogue index without the head: the stored name of the tensor. Those of the pooler are empty if the file has
  /// no pooler.
  std::vector<std::optional<std::string>> stored;
  bool has_pooler = true;             ///< false if the network uses a pooler and the file has none
  std::vector<std::string> left_out;  ///< stored names of heads, in alphabetical order
};

/// Matches the names in a weights file with those of the catalogue. Files of different tools name the same tensor
/// differently: with or without the prefix of the architecture, with TensorFlow's gamma and beta for LayerNorm, and
/// with the prefixes that wrappers such as DataParallel or torch.compile add. All of these are recognized. Throws
/// `ModelError` naming every unexpected, missing or wrongly shaped tensor of the encoder.
CheckpointNames match_names(const Safetensors& file, const Network& network, const std::filesystem::path& folder);

/// Groups names by their first part: "cls.predictions.* (5 tensors), classifier.* (2 tensors)".
std::string summarize_names(const std::vector<std::string>& names);

}  // namespace tunescope
