#include "tunescope/sweep/folder_lock.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include "tunescope/error.hpp"
#include "tunescope/hostname.hpp"

namespace tunescope {
namespace {

std::string owner() { return "process " + std::to_string(::getpid()) + " on " + hostname(); }

}  // namespace

FolderLock::FolderLock(const std::filesystem::path& path)
    : descriptor_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666)) {
  if (descriptor_ < 0) throw EnvironmentError(path.string() + ": cannot be opened: " + std::strerror(errno));
  struct flock request {};
  request.l_type = F_WRLCK;
  request.l_whence = SEEK_SET;
  if (::fcntl(descriptor_, F_OFD_SETLK, &request) != 0) {
    const int error = errno;
    if (error != EAGAIN && error != EACCES) {
      ::close(descriptor_);
      throw EnvironmentError(path.string() + ": cannot be locked: " + std::strerror(error) +
                             "; does this filesystem support locks? Choose another folder with [run] results");
    }
    std::ifstream stream(path);
    const std::string holder{std::istreambuf_iterator<char>(stream), {}};
    ::close(descriptor_);
    throw ConfigError(path.parent_path().string() + ": another sweep is working here (" +
                      (holder.empty() ? "unknown" : holder) +
                      "); wait for it, or give this job another name or [run] results");
  }
  const std::string text = owner();
  const bool is_written = ::ftruncate(descriptor_, 0) == 0 &&
                          ::write(descriptor_, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (!is_written) {
    ::close(descriptor_);
    throw EnvironmentError(path.string() + ": cannot be written: " + std::strerror(errno));
  }
}

bool FolderLock::is_held(const std::filesystem::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (descriptor < 0) return false;
  struct flock request {};
  request.l_type = F_WRLCK;
  request.l_whence = SEEK_SET;
  const bool is_known = ::fcntl(descriptor, F_OFD_GETLK, &request) == 0;
  ::close(descriptor);
  return is_known && request.l_type != F_UNLCK;
}

FolderLock::~FolderLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace tunescope
