#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace tunescope {

/// Lets `write` fill a file in the same folder under a temporary name, syncs it to disk and renames it to `path`, so
/// that a file of that name is always complete. The temporary file is removed if `write` throws. Throws
/// `EnvironmentError` if the folder cannot be written or synced.
void write_atomically(const std::filesystem::path& path,
                      const std::function<void(const std::filesystem::path& temporary)>& write);

/// As `write_atomically`, for a folder with the files that `write` puts into it. `folder` may exist if it is empty.
void write_folder_atomically(const std::filesystem::path& folder,
                             const std::function<void(const std::filesystem::path& temporary)>& write);

/// How many bytes the name of a file may have for `write_atomically`, whose temporary name is longer.
std::size_t longest_file_name();

/// Makes a folder, and those above it, unless it exists. Throws `EnvironmentError` naming it.
void make_folder(const std::filesystem::path& folder);

/// Removes the temporary files that killed processes have left in `folder` and below. Nobody else may be writing there.
void remove_unfinished_files(const std::filesystem::path& folder);

/// `write_atomically` for a text.
void write_text_atomically(const std::filesystem::path& path, const std::string& text);

/// Waits for a file that another process has written: a shared filesystem may show it here only later. Throws
/// `EnvironmentError` after 90 s, longer than NFS by default remembers that a file was missing.
void wait_for_file(const std::filesystem::path& path);

/// Waits until one of several files is there. The error names the first.
void wait_for_any(const std::vector<std::filesystem::path>& paths);

}  // namespace tunescope
