#include "tunescope/io/hub_folder.hpp"

#include <array>
#include <fstream>
#include <string_view>
#include <system_error>

namespace tunescope {
namespace {

// The commit that `refs/main` names, else any snapshot; empty if there is none.
std::filesystem::path newest_snapshot(const std::filesystem::path& folder) {
  std::error_code error;
  std::string commit;
  std::ifstream(folder / "refs" / "main") >> commit;
  const std::filesystem::path named = folder / "snapshots" / commit;
  if (!commit.empty() && std::filesystem::is_directory(named, error)) return named;
  for (const auto& entry : std::filesystem::directory_iterator(folder / "snapshots", error)) {
    if (entry.is_directory(error)) return entry.path();
  }
  return {};
}

}  // namespace

// Source of the format: https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md
std::string git_lfs_problem(const std::filesystem::path& file) {
  constexpr std::string_view kFirstLine = "version https://git-lfs.github.com/spec/";
  std::array<char, kFirstLine.size()> begin{};
  std::ifstream stream(file, std::ios::binary);
  if (!stream.read(begin.data(), begin.size())) return "";
  if (std::string_view(begin.data(), begin.size()) != kFirstLine) return "";
  const std::filesystem::path parent = file.parent_path();
  return file.string() + ": is a Git LFS pointer, not the file itself: run 'git lfs pull' in " +
         (parent.empty() ? "its folder" : parent.string()) + ", or fetch the model with scripts/fetch-assets";
}

std::string hub_cache_problem(const std::filesystem::path& folder) {
  std::error_code error;
  if (!std::filesystem::is_directory(folder / "snapshots", error)) return "";
  const std::filesystem::path snapshot = newest_snapshot(folder);
  if (snapshot.empty()) return folder.string() + ": is a folder of the Hugging Face cache without a snapshot in it";
  return folder.string() + ": is a folder of the Hugging Face cache; give the model's own folder in it, " +
         snapshot.string();
}

}  // namespace tunescope
