#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace tunescope {

/// Lets `write` fill a file beside `path` under a temporary name, syncs it to disk and renames it to `path`, so that
/// a file of that name is always complete. The temporary file is removed where `write` throws. Throws
/// `EnvironmentError` where the folder cannot be written or synced.
void write_atomically(const std::filesystem::path& path,
                      const std::function<void(const std::filesystem::path& temporary)>& write);

/// How many bytes the name of a file may have for `write_atomically`, whose temporary name is longer.
std::size_t longest_file_name();

/// Makes a folder, and those above it, where it does not exist. Throws `EnvironmentError` naming it.
void make_folder(const std::filesystem::path& folder);

/// Removes what killed processes have left of unfinished files in `folder` and below; nobody else may be writing there.
void remove_unfinished_files(const std::filesystem::path& folder);

/// `write_atomically` for a text.
void write_text_atomically(const std::filesystem::path& path, const std::string& text);

/// Waits for a file that another process has written: a shared filesystem may show it here only later. Throws
/// `EnvironmentError` after 90 s, longer than NFS by default remembers that a file was missing.
void wait_for_file(const std::filesystem::path& path);

/// The same for one of several files, of which the first is named in the error.
void wait_for_any(const std::vector<std::filesystem::path>& paths);

}  // namespace tunescope
