#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tunescope/plan/sweep_spec.hpp"

namespace tunescope {

/// Where everything of a job is on disk. Files appear under a temporary name and are renamed, so one that exists is
/// complete; docs/fault-tolerance.md has the states of a trial in these folders.
struct JobFolder {
  explicit JobFolder(const SweepSpec& spec);

  std::filesystem::path trials;       ///< a file for each finished trial
  std::filesystem::path failed;       ///< a file for each trial whose attempts all ended with an exception
  std::filesystem::path checkpoints;  ///< a folder for each unfinished trial or Fisher run
  std::filesystem::path fisher;       ///< a file for each Fisher run
  std::filesystem::path weights;      ///< of trainings that have still to be measured
  std::filesystem::path ablation;     ///< a file for each trial whose trained model was ablated
  std::filesystem::path screening;    ///< a file for each task and method whose learning rates were chosen
  std::filesystem::path log;          ///< a file for each rank
  std::filesystem::path progress;     ///< a file for each sweep at work, see `ProgressFile`
  std::filesystem::path job;          ///< the job's text as run
  std::filesystem::path inputs;       ///< the hashes of what was read, see `record_inputs`
  std::filesystem::path lock;         ///< see `FolderLock`
  std::filesystem::path merged;       ///< the file of all results

  std::filesystem::path trial_file(const std::string& id) const { return trials / (id + ".h5"); }
  /// The weights that were kept of a trial, see `WeightsKeeper`.
  std::filesystem::path kept_file(const std::string& id) const { return trials / (id + ".safetensors"); }
  std::filesystem::path failed_file(const std::string& id) const { return failed / (id + ".h5"); }
  std::filesystem::path fisher_file(const std::string& id) const { return fisher / (id + ".h5"); }
  std::filesystem::path ablation_file(const std::string& id) const { return ablation / (id + ".h5"); }
  /// The folder for checkpoints of a trial or Fisher run.
  std::filesystem::path checkpoint_folder(const std::string& id) const { return checkpoints / id; }
  /// The weights that a trial's training had after `step` steps.
  std::filesystem::path weights_file(const std::string& trial, std::int64_t step) const {
    return weights / (trial + "-" + std::to_string(step) + ".safetensors");
  }

  /// Makes the folders. Throws `EnvironmentError` if they cannot be written.
  void prepare() const;
};

/// The files of that name in other jobs of the same results folder. `file` is relative to a job's folder.
std::vector<std::filesystem::path> find_in_other_jobs(const SweepSpec& spec, const std::filesystem::path& file);

/// Makes `to` a hard link of `from`, or a copy if the filesystem has no links.
void link_or_copy(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace tunescope
