#include "tunescope/io/filesystem.hpp"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "tunescope/base/error.hpp"

namespace tunescope {
namespace {

// A line of /proc/self/mountinfo is such as "36 35 98:0 / /scratch rw,noatime shared:1 - ext4 /dev/sda1 rw", in which
// the number of fields before " - " varies.
std::string type_of(dev_t device) {
  const std::string number = std::to_string(major(device)) + ":" + std::to_string(minor(device));
  std::ifstream mounts("/proc/self/mountinfo");
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream words(line);
    std::string id, parent, mounted;
    words >> id >> parent >> mounted;
    const std::size_t separator = line.find(" - ");
    if (mounted != number || separator == std::string::npos) continue;
    const std::size_t type = separator + 3;
    return line.substr(type, line.find(' ', type) - type);
  }
  return Filesystem{}.type;
}

}  // namespace

Filesystem filesystem_of(const std::filesystem::path& path) {
  struct stat file {};
  struct statvfs room {};
  if (::stat(path.c_str(), &file) != 0 || ::statvfs(path.c_str(), &room) != 0) {
    throw EnvironmentError(path.string() + ": its filesystem cannot be asked: " + std::strerror(errno));
  }
  Filesystem filesystem{.type = type_of(file.st_dev),
                        .free_bytes = static_cast<double>(room.f_frsize) * static_cast<double>(room.f_bavail)};
  if (room.f_files > 0) filesystem.free_files = room.f_favail;
  return filesystem;
}

}  // namespace tunescope
