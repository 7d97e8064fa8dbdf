#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "tunescope/storage/job_folder.hpp"
#include "tunescope/train/trainer.hpp"

namespace tunescope {

/// The saved states of an unfinished trial: the latest and the one before it, so that damage to one costs little.
class TrialCheckpoints {
 public:
  TrialCheckpoints(const JobFolder& folder, const std::string& trial);

  bool exist() const;
  /// The latest state that can be read. A damaged one is named in the log and put aside, and the one before it is
  /// tried.
  std::optional<TrainState> load() const;
  /// Writes a state; what was the latest becomes the one before.
  void save(const TrainState& state) const;
  void remove() const;

 private:
  std::filesystem::path latest_;
  std::filesystem::path previous_;
};

/// Removes checkpoints that are older than the file of their trial or Fisher run: a kill came between writing the one
/// and removing the other. Newer ones are of a training that is repeated, for weights that a Fisher run lacks or
/// because the file is damaged.
void remove_stale_checkpoints(const JobFolder& folder);

}  // namespace tunescope
