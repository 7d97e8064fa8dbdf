#pragma once

#include <filesystem>
#include <string>

namespace tunescope {

/// The message for a file that is a Git LFS pointer, which `git clone` leaves if git-lfs is not installed. Empty for
/// any other file, and if there is no file.
std::string git_lfs_problem(const std::filesystem::path& file);

/// The message for a folder `models--OWNER--NAME` of the Hugging Face cache, naming the snapshot in it that is the
/// model's folder; empty for any other folder.
std::string hub_cache_problem(const std::filesystem::path& folder);

}  // namespace tunescope
