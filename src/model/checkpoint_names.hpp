#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tunescope/model/parameter_catalogue.hpp"
#include "tunescope/model/safetensors.hpp"

namespace tunescope {

/// Which stored tensor is which of the model's.
struct CheckpointNames {
  /// The stored name of each of the model's tensors less its head, by catalogue index; the pooler's are empty where
  /// the file has none.
  std::vector<std::optional<std::string>> stored;
  std::vector<std::string> left_out;  ///< stored names of heads, in alphabetical order
};

/// Matches the names of a weights file with the catalogue's: with or without "bert.", with TensorFlow's names of
/// LayerNorm, and behind the prefixes of what models are wrapped in. Throws `ModelError` naming every unexpected,
/// missing or wrongly shaped tensor of the encoder.
CheckpointNames match_names(const Safetensors& file, const ParameterCatalogue& catalogue,
                            const std::filesystem::path& folder);

/// Names in few words: "cls.predictions.* (5 tensors), classifier.* (2 tensors)".
std::string summarize_names(const std::vector<std::string>& names);

}  // namespace tunescope
