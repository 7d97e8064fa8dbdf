#pragma once

#include <filesystem>
#include <string>

#include "tunescope/model/export/exported_model.hpp"

namespace tunescope {

/// Why a model cannot be written as a folder of transformers, as what follows "which"; empty if it can.
std::string model_folder_problem(const ExportedModel& model);

/// Writes config.json, model.safetensors and the tokenizer's files into a new folder, which transformers loads with
/// `AutoModelForSequenceClassification.from_pretrained`. What the method adds is merged into the weights. The folder
/// appears when it is complete. There must be no `model_folder_problem`. Throws as `check_export_folder`.
void write_model_folder(const ExportedModel& model, const std::filesystem::path& folder);

}  // namespace tunescope
