#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tunescope/model/network.hpp"
#include "tunescope/model/parameter_catalogue.hpp"

namespace tunescope {

/// A sequence classifier to be written as a folder of Hugging Face's.
struct ExportedModel {
  const Network& network;
  const ParameterCatalogue& catalogue;
  const Parameters& parameters;
  /// Of the pre-trained model: its config.json is the base of the new one, and its tokenizer files are copied.
  std::filesystem::path source;
  std::vector<std::string> labels;  ///< names of the classes, in the order of the logits; empty for a regression
};

/// Throws `ConfigError` if `folder` exists and is not an empty folder.
void check_export_folder(const std::filesystem::path& folder);

/// Writes model.safetensors, the tokenizer's files and, as the last, config.json into `folder`, which transformers
/// loads with `AutoModelForSequenceClassification.from_pretrained`. Leaves none of them if one cannot be written.
/// Throws as `check_export_folder`.
void write_model_folder(const ExportedModel& model, const std::filesystem::path& folder);

}  // namespace tunescope
