#include "tunescope/io/file_range_lock.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "tunescope/base/error.hpp"

namespace tunescope {
namespace {

struct flock lock_of(std::int64_t byte, short type) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = byte;
  lock.l_len = 1;
  return lock;
}

}  // namespace

FileRangeLock::FileRangeLock(const std::filesystem::path& path, std::int64_t byte)
    : path_(path), byte_(byte), descriptor_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666)) {
  if (descriptor_ < 0) throw EnvironmentError(path.string() + ": cannot be opened: " + std::strerror(errno));
}

FileRangeLock::~FileRangeLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

bool FileRangeLock::try_lock(Kind kind) {
  struct flock request = lock_of(byte_, kind == Kind::kShared ? F_RDLCK : F_WRLCK);
  if (::fcntl(descriptor_, F_OFD_SETLK, &request) == 0) return true;
  if (errno == EAGAIN || errno == EACCES) return false;
  throw EnvironmentError(path_.string() + ": cannot be locked: " + std::strerror(errno) +
                         "; does this filesystem support locks? Choose another folder with [run] results");
}

bool FileRangeLock::is_held(const std::filesystem::path& path, std::int64_t byte) {
  const int descriptor = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  if (descriptor < 0) return false;
  struct flock request = lock_of(byte, F_WRLCK);
  const bool is_known = ::fcntl(descriptor, F_OFD_GETLK, &request) == 0;
  ::close(descriptor);
  return is_known && request.l_type != F_UNLCK;
}

}  // namespace tunescope
