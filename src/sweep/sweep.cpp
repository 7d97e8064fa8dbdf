#include "tunescope/sweep/sweep.hpp"

#include <unistd.h>

#include <algorithm>

#include "tunescope/error.hpp"
#include "tunescope/results/results_file.hpp"
#include "tunescope/sweep/cost.hpp"

namespace tunescope {
namespace {

// Hard-links, or copies where the filesystem has no links, a finished trial of a sibling job.
void adopt_from_sibling(const SweepSpec& spec, const ResultPaths& paths, const std::string& id) {
  if (std::filesystem::exists(paths.trial_file(id))) return;
  for (const auto& entry : std::filesystem::directory_iterator(spec.results_folder)) {
    const std::filesystem::path sibling = entry.path() / "trials" / (id + ".h5");
    if (!std::filesystem::exists(sibling)) continue;
    std::error_code error;
    std::filesystem::create_hard_link(sibling, paths.trial_file(id), error);
    if (error) std::filesystem::copy_file(sibling, paths.trial_file(id), error);
    return;
  }
}

void look_up(PlannedTrial& planned, const ResultPaths& paths) {
  const std::filesystem::path finished = paths.trial_file(planned.id);
  const std::filesystem::path failed = paths.failed_file(planned.id);
  const bool is_finished = std::filesystem::exists(finished);
  if (!is_finished && !std::filesystem::exists(failed)) return;
  try {
    const TrialRow row = read_trial_row(is_finished ? finished : failed);
    planned.error = row.error;
    planned.state = row.state == "done"       ? StoredState::kDone
                    : row.state == "diverged" ? StoredState::kDiverged
                                              : StoredState::kFailed;
  } catch (const Hdf5Error& error) {
    planned.warning = std::string(error.what()) + "; the trial runs again";
  }
}

}  // namespace

ResultPaths::ResultPaths(const SweepSpec& spec)
    : trials(spec.job_folder() / "trials"),
      failed(spec.job_folder() / "failed"),
      log(spec.job_folder() / "log"),
      job(spec.job_folder() / "job.cfg"),
      merged(spec.results_file()) {}

void prepare_results_folder(const ResultPaths& paths) {
  for (const std::filesystem::path& folder : {paths.trials, paths.failed, paths.log}) {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error || ::access(folder.c_str(), W_OK | X_OK) != 0) {
      throw ConfigError(folder.string() + ": cannot be written" + (error ? " (" + error.message() + ")" : "") +
                        "; choose another folder with [run] results");
    }
  }
}

std::vector<PlannedTrial> stored_trials(const SweepSpec& spec, const InputHashes& hashes) {
  const ResultPaths paths(spec);
  std::vector<PlannedTrial> trials;
  for (Trial& trial : expand_trials(spec, hashes)) {
    PlannedTrial planned{.trial = trial, .id = trial.id(), .state = StoredState::kMissing, .error = {}, .warning = {}};
    look_up(planned, paths);
    trials.push_back(std::move(planned));
  }
  return trials;
}

std::vector<PlannedTrial> plan_trials(const SweepSpec& spec, const InputHashes& hashes, SweepInputs& inputs) {
  const ResultPaths paths(spec);
  if (std::filesystem::exists(paths.trials)) {
    for (const Trial& trial : expand_trials(spec, hashes)) adopt_from_sibling(spec, paths, trial.id());
  }
  std::vector<PlannedTrial> trials = stored_trials(spec, hashes);
  for (PlannedTrial& planned : trials) {
    const TaskData& data = inputs.task(planned.trial.task);
    planned.flops = expected_flops(planned.trial, inputs.catalogue(*data.task), data);
  }
  return trials;
}

bool merge_results(const SweepSpec& spec, const std::vector<PlannedTrial>& trials) {
  const ResultPaths paths(spec);
  std::vector<std::filesystem::path> files;
  for (const PlannedTrial& planned : trials) {
    if (planned.state == StoredState::kFailed) files.push_back(paths.failed_file(planned.id));
    if (planned.state == StoredState::kDone || planned.state == StoredState::kDiverged) {
      files.push_back(paths.trial_file(planned.id));
    }
  }
  const bool is_complete = std::all_of(trials.begin(), trials.end(), [](const PlannedTrial& planned) {
    return planned.state == StoredState::kDone || planned.state == StoredState::kDiverged;
  });
  merge_trials(paths.merged, files, {.job_text = spec.job_text, .is_complete = is_complete});
  return is_complete;
}

}  // namespace tunescope
