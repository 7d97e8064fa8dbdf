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

}  // namespace tunescope
