#include "tunescope/storage/trial_checkpoints.hpp"

#include <spdlog/spdlog.h>

#include <vector>

#include "tunescope/base/error.hpp"
#include "tunescope/io/atomic_file.hpp"
#include "tunescope/train/checkpoint.hpp"

namespace tunescope {
namespace {

// Whether all that a folder holds is older than a file, which exists.
bool is_older(const std::filesystem::path& folder, const std::filesystem::path& file) {
  if (!std::filesystem::exists(file)) return false;
  const auto time = std::filesystem::last_write_time(file);
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.last_write_time() > time) return false;
  }
  return true;
}

}  // namespace

TrialCheckpoints::TrialCheckpoints(const JobFolder& folder, const std::string& trial)
    : latest_(folder.checkpoint_folder(trial) / "latest.safetensors"),
      previous_(folder.checkpoint_folder(trial) / "previous.safetensors") {}

bool TrialCheckpoints::exist() const { return std::filesystem::exists(latest_) || std::filesystem::exists(previous_); }

std::optional<TrainState> TrialCheckpoints::load() const {
  for (const std::filesystem::path& path : {latest_, previous_}) {
    if (!std::filesystem::exists(path)) continue;
    try {
      return load_checkpoint(path);
    } catch (const DataError& error) {
      spdlog::warn("{}; an earlier one is used, or the trial starts from scratch", error.what());
      std::filesystem::rename(path, path.string() + ".damaged");  // else it would displace the good one before it
    }
  }
  return std::nullopt;
}

void TrialCheckpoints::save(const TrainState& state) const {
  make_folder(latest_.parent_path());
  if (std::filesystem::exists(latest_)) std::filesystem::rename(latest_, previous_);
  save_checkpoint(latest_, state);
}

void TrialCheckpoints::remove() const { std::filesystem::remove_all(latest_.parent_path()); }

void remove_stale_checkpoints(const JobFolder& folder) {
  std::vector<std::filesystem::path> stale;
  for (const auto& entry : std::filesystem::directory_iterator(folder.checkpoints)) {
    const std::string id = entry.path().filename();
    if (is_older(entry.path(), folder.trial_file(id)) || is_older(entry.path(), folder.fisher_file(id))) {
      stale.push_back(entry.path());
    }
  }
  for (const std::filesystem::path& checkpoint : stale) std::filesystem::remove_all(checkpoint);
}

}  // namespace tunescope
