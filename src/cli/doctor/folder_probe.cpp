#include "cli/doctor/folder_probe.hpp"

#include <spdlog/fmt/fmt.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <thread>

#include "tunescope/base/error.hpp"
#include "tunescope/base/hostname.hpp"
#include "tunescope/hdf5/sealed_file.hpp"
#include "tunescope/io/atomic_file.hpp"

namespace tunescope::cli {
namespace {

constexpr std::string_view kOtherFolder = "choose another folder with [run] results";

std::filesystem::path probe_file(const std::filesystem::path& folder, std::string_view ending) {
  return folder / fmt::format(".tunescope-doctor-{}-{}{}", hostname(), ::getpid(), ending);
}

// What a rank sees of the file that rank 0 has written and locked.
enum class Sight : std::int64_t { kFileAndLock, kFile, kNothing };

Sight look_at(const std::filesystem::path& file) {
  constexpr std::chrono::seconds kPatience{5};
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (!std::filesystem::exists(file)) {
    if (std::chrono::steady_clock::now() > end) return Sight::kNothing;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return FileRangeLock::is_held(file, 0) ? Sight::kFileAndLock : Sight::kFile;
}

}  // namespace

FolderProbe::RemovedFile::~RemovedFile() {
  std::error_code ignored;
  std::filesystem::remove(path, ignored);
}

FolderProbe::FolderProbe(const std::filesystem::path& folder)
    : locked_file_{probe_file(folder, "")}, hdf5_file_{probe_file(folder, ".h5")} {
  try {
    write_text_atomically(locked_file_.path, "written by tunescope doctor\n");
    constexpr std::array<double, 1> kNumbers = {1.0};
    hdf5::write_sealed_file(hdf5_file_.path, [&](const hdf5::File& file) { file.write("numbers", kNumbers, {1}); });
    hdf5::File::open(hdf5_file_.path).read_doubles("numbers");
  } catch (const Hdf5Error& error) {
    throw EnvironmentError(
        fmt::format("{}; unset HDF5_USE_FILE_LOCKING if it is set, or {}", error.what(), kOtherFolder));
  } catch (const EnvironmentError& error) {
    throw EnvironmentError(fmt::format("{}; {}", error.what(), kOtherFolder));
  }
  lock_.emplace(locked_file_.path, 0);
  lock_->try_lock(FileRangeLock::Kind::kExclusive);
  if (!FileRangeLock::is_held(locked_file_.path, 0)) {
    throw EnvironmentError(fmt::format(
        "{}: this filesystem takes locks and does not hold them, so that two sweeps would not notice each other; {}",
        folder.string(), kOtherFolder));
  }
}

std::vector<std::string> shared_folder_problems(RankTeam& team, const std::filesystem::path& folder,
                                                const std::vector<RankFacts>& ranks) {
  std::optional<FolderProbe> probe;
  std::vector<std::string> problems;
  if (team.is_root()) {
    try {
      probe.emplace(folder);
    } catch (const EnvironmentError& error) {
      problems.emplace_back(error.what());
    }
  }
  const std::filesystem::path file = team.broadcast(probe ? probe->locked_file().string() : "", 0);
  if (file.empty()) return problems;
  const Sight own = team.is_root() ? Sight::kFileAndLock : look_at(file);
  const std::vector<std::int64_t> sights = team.all_gather(static_cast<std::int64_t>(own));
  for (const RankFacts& rank : ranks) {
    const auto sight = static_cast<Sight>(sights[static_cast<std::size_t>(rank.rank)]);
    if (sight == Sight::kNothing) {
      problems.push_back(fmt::format("{}: rank {} on {} does not see what rank 0 writes there; {} that all nodes share",
                                     folder.string(), rank.rank, rank.host, kOtherFolder));
    }
    if (sight == Sight::kFile) {
      problems.push_back(fmt::format(
          "{}: rank {} on {} does not see the locks of rank 0, so that sweeps on two nodes would not notice "
          "each other; never start two on one folder, or {}",
          folder.string(), rank.rank, rank.host, kOtherFolder));
    }
  }
  return problems;
}

}  // namespace tunescope::cli
