#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace tunescope {

/// One row of `/ablation`: the score of a trained model of which a part has its initial values again.
struct AblationRow {
  std::string id;            ///< of the trial
  std::string group;         ///< the scalars that a method trains, beside the head: its canonical spelling
  std::string kind;          ///< see `AblationKind`
  std::int64_t scalars = 0;  ///< in the group
  double loss = 0.0;         ///< mean over the reported examples
  double score = 0.0;        ///< the task's primary metric on them
};

/// Writes the rows of one trial, atomically and with a seal. Makes the file's folder if it is not there.
void write_ablation(const std::filesystem::path& path, const std::vector<AblationRow>& rows);

/// Reads them; none if there is no file, or, with a warning in the log, if it is damaged.
std::vector<AblationRow> read_ablation(const std::filesystem::path& path);

}  // namespace tunescope
