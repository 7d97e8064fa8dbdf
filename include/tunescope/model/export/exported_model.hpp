#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tunescope/model/additions.hpp"
#include "tunescope/model/pretrained.hpp"

namespace tunescope {

/// A trained sequence classifier that is to be written as a folder for other programs.
struct ExportedModel {
  const PretrainedModel& pretrained;
  std::filesystem::path source;  ///< the folder of `pretrained`
  const Additions& additions;
  const Parameters& parameters;     ///< of the model, and behind them those that are added
  std::vector<std::string> labels;  ///< names of the classes, in the order of the logits; empty for a regression

  const Network& network() const { return *pretrained.network; }
  const ParameterCatalogue& catalogue() const { return additions.catalogue(); }
};

/// Throws `ConfigError` if `folder` exists and is not an empty folder.
void check_export_folder(const std::filesystem::path& folder);

}  // namespace tunescope
