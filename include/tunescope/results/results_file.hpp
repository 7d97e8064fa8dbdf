#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "tunescope/results/ablation_record.hpp"
#include "tunescope/results/fisher_record.hpp"
#include "tunescope/results/screening_record.hpp"
#include "tunescope/results/trial_record.hpp"

namespace tunescope {

/// What the merged file says about its job.
struct JobAttributes {
  std::string job_text;
  std::string inputs = {};        ///< one line each: "model", "tokenizer" or a task, and the SHA-256 of its content
  std::string architecture = {};  ///< `Network::architecture`; empty if the model is gone
  std::string drawn_anew = {};    ///< backbone tensors that the file lacks and each trial drew, separated by blanks
  bool is_complete = false;  ///< every trial of the job is finished; of `tunescope fisher`: every Fisher run is done
};

/// What the merged file is made of; each list is in the order of the file. The caller must have found the files intact,
/// with `read_trial_row` and `read_fisher`.
struct MergeParts {
  std::vector<std::filesystem::path> trial_files;
  std::vector<std::int64_t> kept_bytes = {};  ///< of each trial, as it is now; empty: as its file has it
  std::vector<std::filesystem::path> fisher_files;
  std::vector<MaskRecord> masks;
  std::vector<ScreenedRate> screening = {};
  std::vector<AblationRow> ablation = {};
};

/// Writes the merged file, atomically. Throws `Hdf5Error` if a part is unreadable, and `EnvironmentError` if the result
/// cannot be written.
void merge_files(const std::filesystem::path& path, const MergeParts& parts, const JobAttributes& attributes);

/// The identifiers of the finished trials and of the Fisher runs in a merged file. The file has no seal, so
/// `run_isolated` reads it in a child process. Throws `Error` if it cannot be read.
std::vector<std::string> merged_ids(const std::filesystem::path& path);

/// Reads all of the file of a trial or a Fisher run, and seals it again, atomically. Throws `Error` if a part of it
/// cannot be read or its content is not that of the identifier in its name, and `EnvironmentError` if it cannot be
/// written.
void reseal(const std::filesystem::path& path);

}  // namespace tunescope
