#include "tunescope/hdf5/file.hpp"

#include "check.hpp"
#include "tunescope/base/error.hpp"

namespace tunescope::hdf5 {
namespace {

herr_t keep_innermost(unsigned, const H5E_error2_t* entry, void* text) {
  if (entry->desc != nullptr) *static_cast<std::string*>(text) = entry->desc;
  return 0;
}

// By default HDF5 prints its error stack; here the text of the stack goes into the exception, since the library never
// prints. By default HDF5 also closes everything that is open when the process ends. We close all files ourselves, so
// what is still open then is a file that could not be closed because the disk was full, and closing it again crashes.
void set_up_library() {
  [[maybe_unused]] static const herr_t has_no_exit_handler = H5dont_atexit();  // must be the first call
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

// Turns off HDF5's own lock, which some network filesystems refuse. It is not needed: only one process writes a file,
// under a temporary name, and every file that is read is complete.
Handle access_without_lock() {
  Handle access(check(H5Pcreate(H5P_FILE_ACCESS), "property list"), H5Pclose);
  check(H5Pset_file_locking(access.get(), false, true), "file locking");
  return access;
}

// For a failed system call HDF5 gives two lines of details. Only the message of the system, in quotation marks, is
// kept.
std::string without_details(const std::string& reason) {
  constexpr std::string_view kBefore = "error message = '";
  const std::size_t begin = reason.find(kBefore);
  if (begin == std::string::npos) return reason;
  const std::size_t text = begin + kBefore.size();
  return reason.substr(text, reason.find('\'', text) - text);
}

}  // namespace

void fail(const std::string& what) {
  std::string reason;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, keep_innermost, &reason);
  reason = without_details(reason);
  throw Hdf5Error(what + " (HDF5: " + (reason.empty() ? "unknown error" : reason) + ")");
}

File File::create(const std::filesystem::path& path) {
  set_up_library();
  const Handle access = access_without_lock();
  check(H5Pset_libver_bounds(access.get(), H5F_LIBVER_EARLIEST, H5F_LIBVER_LATEST), "format bounds");
  Handle file(
      check(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access.get()), path.string() + ": cannot be created"),
      H5Fclose);
  Handle root(check(H5Gopen2(file.get(), "/", H5P_DEFAULT), path.string() + ": root group"), H5Gclose);
  return File(std::move(root), std::move(file), path.string());
}

File File::open(const std::filesystem::path& path) {
  set_up_library();
  const Handle access = access_without_lock();
  Handle file(check(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.get()), path.string() + ": cannot be opened as HDF5"),
              H5Fclose);
  Handle root(check(H5Gopen2(file.get(), "/", H5P_DEFAULT), path.string() + ": root group"), H5Gclose);
  return File(std::move(root), std::move(file), path.string());
}

void File::close() {
  const std::string what = description_ + ": writing failed; is the filesystem full?";
  check(H5Fflush(file_.get(), H5F_SCOPE_LOCAL), what);
  check(handle_.close(), what);
  check(file_.close(), what);
}

std::string library_version() {
  unsigned major = 0;
  unsigned minor = 0;
  unsigned release = 0;
  H5get_libversion(&major, &minor, &release);
  return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(release);
}

}  // namespace tunescope::hdf5
