#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "cli/doctor/rank_facts.hpp"
#include "tunescope/io/file_range_lock.hpp"
#include "tunescope/parallel/rank_team.hpp"

namespace tunescope::cli {

/// Does in a folder, on one rank, what a sweep does in that of its results: writes a file, syncs and renames it, writes
/// HDF5 and reads it, locks. What it has written is gone when it is.
class FolderProbe {
 public:
  /// Throws `EnvironmentError`, with the remedy, if something of that fails.
  explicit FolderProbe(const std::filesystem::path& folder);

  /// A file that exists and is locked as long as this lives.
  const std::filesystem::path& locked_file() const { return locked_file_.path; }

 private:
  struct RemovedFile {
    std::filesystem::path path;
    ~RemovedFile();
  };

  RemovedFile locked_file_;
  RemovedFile hdf5_file_;
  std::optional<FileRangeLock> lock_;
};

/// What is wrong with a folder that all ranks write to, each with the remedy: what its probe on rank 0 throws, or that
/// other ranks do not see the files or the locks of rank 0. Collective.
std::vector<std::string> shared_folder_problems(RankTeam& team, const std::filesystem::path& folder,
                                                const std::vector<RankFacts>& ranks);

}  // namespace tunescope::cli
