#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "tunescope/train/trainer.hpp"

namespace tunescope {

/// What a trial predicts of the examples of a file, as `tunescope predict` stores it.
struct PredictionRecord {
  std::string trial;
  std::string task;
  std::string file;  ///< its path
  std::string file_hash;
  Predictions predictions;
  bool has_labels = false;
};

/// Writes it, in the schema of docs/predicting.md, atomically and with a seal.
void write_prediction_file(const std::filesystem::path& path, const PredictionRecord& record);

/// The predictions in such a file, with zeros for labels that it does not have; nothing if there is no file, or it is
/// damaged.
std::optional<Predictions> read_prediction_file(const std::filesystem::path& path);

}  // namespace tunescope
