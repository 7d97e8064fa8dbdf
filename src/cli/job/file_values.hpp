#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tunescope/cli/value.hpp"

namespace tunescope::cli {

/// The key that names another job file: the one key of a job file that `job_keys` does not have.
inline constexpr std::string_view kInclude = "include";

/// What a job file says, together with the files that it includes.
struct FileValues {
  std::string text;           ///< of the file itself
  bool is_whole = true;       ///< whether the text says everything: the file includes no other
  std::vector<Value> values;  ///< those of included files first, so that the last one of a key counts
};

/// Reads a job file and, one after another, the files that `include` names. Throws `ConfigError` naming file, line and
/// remedy: a file that is missing or includes itself, a line that is no key, an unknown key, a key twice in one file.
FileValues read_file_values(const std::filesystem::path& path);

}  // namespace tunescope::cli
