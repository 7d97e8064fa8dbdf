#include "tunescope/storage/job_folder.hpp"

#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "tunescope/base/error.hpp"
#include "tunescope/io/atomic_file.hpp"

namespace tunescope {

JobFolder::JobFolder(const SweepSpec& spec)
    : trials(spec.job_folder() / "trials"),
      failed(spec.job_folder() / "failed"),
      checkpoints(spec.job_folder() / "checkpoints"),
      fisher(spec.job_folder() / "fisher"),
      weights(spec.job_folder() / "fisher" / "weights"),
      ablation(spec.job_folder() / "ablation"),
      screening(spec.job_folder() / "screening"),
      log(spec.job_folder() / "log"),
      progress(spec.job_folder() / "running"),
      job(spec.job_folder() / "job.cfg"),
      inputs(spec.job_folder() / "inputs"),
      lock(spec.job_folder() / "lock"),
      merged(spec.results_file()) {}

void JobFolder::prepare() const {
  for (const std::filesystem::path& folder : {trials, failed, checkpoints, weights, log}) {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (!error && ::access(folder.c_str(), W_OK | X_OK) != 0) error.assign(errno, std::generic_category());
    if (error) {
      throw EnvironmentError(folder.string() + ": cannot be written (" + error.message() +
                             "); choose another folder with [run] results");
    }
  }
}

std::vector<std::filesystem::path> find_in_other_jobs(const SweepSpec& spec, const std::filesystem::path& file) {
  std::vector<std::filesystem::path> found;
  if (!std::filesystem::exists(spec.results_folder)) return found;
  for (const auto& entry : std::filesystem::directory_iterator(spec.results_folder)) {
    const std::filesystem::path of_other = entry.path() / file;
    std::error_code error;  // a folder next to the jobs may be somebody else's
    if (entry.path() != spec.job_folder() && std::filesystem::exists(of_other, error)) found.push_back(of_other);
  }
  return found;
}

void link_or_copy(const std::filesystem::path& from, const std::filesystem::path& to) {
  std::error_code error;
  std::filesystem::create_hard_link(from, to, error);
  if (!error) return;
  write_atomically(to, [&](const std::filesystem::path& temporary) {
    std::filesystem::copy_file(from, temporary, std::filesystem::copy_options::overwrite_existing);
  });
}

}  // namespace tunescope
