#include "tunescope/io/atomic_file.hpp"

#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fstream>
#include <thread>

#include "tunescope/base/error.hpp"
#include "tunescope/base/hostname.hpp"

namespace tunescope {
namespace {

constexpr const char* kUnfinished = ".partial";

[[noreturn]] void fail(const std::filesystem::path& path, const char* what) {
  throw EnvironmentError(path.string() + ": " + what + ": " + std::strerror(errno));
}

void sync(const std::filesystem::path& path, int flags) {
  const int descriptor = ::open(path.c_str(), flags);
  if (descriptor < 0) fail(path, "cannot be opened for syncing");
  const int result = ::fsync(descriptor);
  ::close(descriptor);
  if (result != 0) fail(path, "cannot be synced to disk");
}

// Host and process keep two writers of the same file, on any nodes, apart.
std::filesystem::path temporary_name(const std::filesystem::path& path) {
  return path.parent_path() /
         ("." + path.filename().string() + "." + hostname() + "." + std::to_string(::getpid()) + kUnfinished);
}

}  // namespace

std::size_t longest_file_name() {
  constexpr std::size_t kDigitsOfProcessIds = 10;
  return NAME_MAX - temporary_name("").filename().string().size() - kDigitsOfProcessIds;
}

void write_atomically(const std::filesystem::path& path,
                      const std::function<void(const std::filesystem::path& temporary)>& write) {
  const std::filesystem::path temporary = temporary_name(path);
  try {
    write(temporary);
    sync(temporary, O_RDONLY);
    if (::rename(temporary.c_str(), path.c_str()) != 0) fail(path, "cannot be put in place");
    sync(path.parent_path().empty() ? "." : path.parent_path(), O_RDONLY | O_DIRECTORY);
  } catch (...) {
    std::error_code ignored;
    std::filesystem::remove_all(temporary, ignored);
    throw;
  }
}

void write_folder_atomically(const std::filesystem::path& folder,
                             const std::function<void(const std::filesystem::path& temporary)>& write) {
  const std::filesystem::path target = std::filesystem::absolute(folder).lexically_normal();
  const std::filesystem::path path = target.has_filename() ? target : target.parent_path();  // less a final slash
  make_folder(path.parent_path());
  write_atomically(path, [&](const std::filesystem::path& temporary) {
    std::filesystem::remove_all(temporary);
    make_folder(temporary);
    write(temporary);
  });
}

void make_folder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) throw EnvironmentError(folder.string() + ": this folder cannot be made: " + error.message());
}

void remove_unfinished_files(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> unfinished;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().extension() == kUnfinished) unfinished.push_back(entry.path());
  }
  for (const std::filesystem::path& path : unfinished) std::filesystem::remove(path);
}

void write_text_atomically(const std::filesystem::path& path, const std::string& text) {
  write_atomically(path, [&](const std::filesystem::path& temporary) {
    std::ofstream file(temporary, std::ios::binary);
    file.write(text.data(), static_cast<std::streamsize>(text.size()));
    file.close();
    if (!file) fail(temporary, "cannot be written; is the filesystem full, or the folder not yours?");
  });
}

void wait_for_file(const std::filesystem::path& path) { wait_for_any({path}); }

void wait_for_any(const std::vector<std::filesystem::path>& paths) {
  const auto exists = [](const std::filesystem::path& path) { return std::filesystem::exists(path); };
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(90);
  while (std::ranges::none_of(paths, exists)) {
    if (std::chrono::steady_clock::now() > end) {
      throw EnvironmentError(paths.front().string() + ": another rank has written this file, but " + hostname() +
                             " does not see it; is the results folder on a filesystem that all nodes share?");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

}  // namespace tunescope
