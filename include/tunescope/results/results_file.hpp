#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tunescope/results/fisher_record.hpp"
#include "tunescope/results/trial_record.hpp"

namespace tunescope {

/// What the merged file says of its job.
struct JobAttributes {
  std::string job_text;
  std::string inputs = {};      ///< a line each: "model", "tokenizer" or a task, and the SHA-256 of its content
  std::string drawn_anew = {};  ///< backbone tensors that the model's file lacks and each trial drew; blanks between
  bool is_complete = false;     ///< every trial of the job is in the file, none failed
};

/// What the merged file is made of, each in the order in which it is to stand there. Files have been found intact by
/// `read_trial_row` and `read_fisher`; their seals are not read again.
struct MergeParts {
  std::vector<std::filesystem::path> trial_files;
  std::vector<std::filesystem::path> fisher_files;
  std::vector<MaskRecord> masks;
};

/// Writes the merged file, atomically. Throws `Hdf5Error` where a part is unreadable, `EnvironmentError` where the
/// result cannot be written.
void merge_files(const std::filesystem::path& path, const MergeParts& parts, const JobAttributes& attributes);

/// The identifiers of the finished trials and of the Fisher runs that a merged file holds. It has no seal, so it is
/// read by `run_isolated`, as by `reseal`. Throws `Error` where it cannot be read.
std::vector<std::string> merged_ids(const std::filesystem::path& path);

/// Seals a trial's or a Fisher run's file again, atomically, after reading all of it. Throws `Error` where a part of it
/// cannot be read or it is not that of the identifier in its name, `EnvironmentError` where it cannot be written.
void reseal(const std::filesystem::path& path);

}  // namespace tunescope
