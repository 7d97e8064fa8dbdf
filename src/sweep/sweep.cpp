#include "tunescope/sweep/sweep.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <utility>

#include "tunescope/atomic_file.hpp"
#include "tunescope/error.hpp"
#include "tunescope/results/fisher_record.hpp"
#include "tunescope/sealed_file.hpp"
#include "tunescope/sweep/cost.hpp"

namespace tunescope {
namespace {

std::vector<PlannedTrial> expand(const SweepSpec& spec, const InputHashes& hashes) {
  std::vector<PlannedTrial> trials;
  for (Trial& trial : expand_trials(spec, hashes)) {
    const std::string id = trial.id();
    trials.push_back({.trial = std::move(trial), .id = id, .error = {}, .warning = {}});
  }
  return trials;
}

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

void adopt_from_sibling(const SweepSpec& spec, const std::filesystem::path& file) {
  const std::filesystem::path own = spec.job_folder() / file;
  if (std::filesystem::exists(own) || !std::filesystem::exists(spec.results_folder)) return;
  for (const auto& entry : std::filesystem::directory_iterator(spec.results_folder)) {
    const std::filesystem::path sibling = entry.path() / file;
    std::error_code error;  // a folder beside the jobs may be somebody else's
    if (!std::filesystem::exists(sibling, error)) continue;
    std::filesystem::create_hard_link(sibling, own, error);
    if (!error) return;
    write_atomically(own, [&](const std::filesystem::path& temporary) {
      std::filesystem::copy_file(sibling, temporary, std::filesystem::copy_options::overwrite_existing);
    });
    return;
  }
}

ResultPaths::ResultPaths(const SweepSpec& spec)
    : trials(spec.job_folder() / "trials"),
      failed(spec.job_folder() / "failed"),
      checkpoints(spec.job_folder() / "checkpoints"),
      fisher(spec.job_folder() / "fisher"),
      weights(spec.job_folder() / "fisher" / "weights"),
      log(spec.job_folder() / "log"),
      job(spec.job_folder() / "job.cfg"),
      inputs(spec.job_folder() / "inputs"),
      lock(spec.job_folder() / "lock"),
      running(spec.job_folder() / "running"),
      merged(spec.results_file()) {}

void prepare_results_folder(const ResultPaths& paths) {
  for (const std::filesystem::path& folder :
       {paths.trials, paths.failed, paths.checkpoints, paths.weights, paths.log}) {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (!error && ::access(folder.c_str(), W_OK | X_OK) != 0) error.assign(errno, std::generic_category());
    if (error) {
      throw EnvironmentError(folder.string() + ": cannot be written (" + error.message() +
                             "); choose another folder with [run] results");
    }
  }
}

void remove_spent_checkpoints(const ResultPaths& paths) {
  std::vector<std::filesystem::path> spent;
  for (const auto& entry : std::filesystem::directory_iterator(paths.checkpoints)) {
    const std::string id = entry.path().filename();
    if (is_older(entry.path(), paths.trial_file(id)) || is_older(entry.path(), paths.fisher_file(id))) {
      spent.push_back(entry.path());
    }
  }
  for (const std::filesystem::path& folder : spent) std::filesystem::remove_all(folder);
}

std::string remedy_for(const std::filesystem::path& file) {
  const Seal seal = inspect_seal(file);
  if (seal != Seal::kMissing && seal != Seal::kBroken) return "";
  return ", unless `tunescope merge JOB --reseal` takes it as it is";
}

void find_stored_trial(const ResultPaths& paths, PlannedTrial& planned) {
  const std::filesystem::path finished = paths.trial_file(planned.id);
  const std::filesystem::path failed = paths.failed_file(planned.id);
  const bool is_finished = std::filesystem::exists(finished);
  planned.has_checkpoint = !is_finished && (std::filesystem::exists(paths.checkpoint(planned.id)) ||
                                            std::filesystem::exists(paths.previous_checkpoint(planned.id)));
  if (!is_finished && !std::filesystem::exists(failed)) return;
  try {
    const TrialRow row = read_trial_row(is_finished ? finished : failed);
    planned.error = row.error;
    planned.seconds = row.wall_seconds;
    planned.state = row.state == "done"       ? StoredState::kDone
                    : row.state == "diverged" ? StoredState::kDiverged
                                              : StoredState::kFailed;
  } catch (const Hdf5Error& error) {
    planned.warning = std::string(error.what()) + "; the trial runs again" + (is_finished ? remedy_for(finished) : "");
  }
}

std::vector<PlannedTrial> stored_trials(const SweepSpec& spec, const InputHashes& hashes) {
  std::vector<PlannedTrial> trials = expand(spec, hashes);
  for (PlannedTrial& planned : trials) find_stored_trial(ResultPaths(spec), planned);
  return trials;
}

PlannedTrial plan_trial(const Trial& trial, SweepInputs& inputs) {
  const TaskData& data = inputs.task(trial.task);
  const ParameterCatalogue& catalogue = inputs.catalogue(*data.task);
  return {.trial = trial,
          .id = trial.id(),
          .error = {},
          .warning = {},
          .flops = expected_flops(trial, catalogue, data),
          .lane_bytes = expected_lane_bytes(trial, inputs.model().config, catalogue, data),
          .lane_group = lane_group(trial.method, catalogue)};
}

std::vector<PlannedTrial> plan_trials(const SweepSpec& spec, const InputHashes& hashes, SweepInputs& inputs) {
  std::vector<PlannedTrial> trials = expand(spec, hashes);
  // Learning rate and seed make no difference to what is expected.
  std::map<std::pair<std::string, std::string>, PlannedTrial> expected;
  for (PlannedTrial& planned : trials) {
    const auto [known, is_new] = expected.try_emplace({planned.trial.task, planned.trial.method.text()});
    if (is_new) known->second = plan_trial(planned.trial, inputs);
    planned.flops = known->second.flops;
    planned.lane_bytes = known->second.lane_bytes;
    planned.lane_group = known->second.lane_group;
  }
  return trials;
}

void find_stored_trials(const SweepSpec& spec, std::vector<PlannedTrial>& trials) {
  const ResultPaths paths(spec);
  const bool has_folder = std::filesystem::exists(paths.trials);
  for (PlannedTrial& planned : trials) {
    if (has_folder) adopt_from_sibling(spec, "trials/" + planned.id + ".h5");
    find_stored_trial(paths, planned);
  }
}

void sort_longest_first(Order& order, const std::vector<PlannedTrial>& trials) {
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return trials[a].flops > trials[b].flops; });
}

std::vector<ScalarScores> load_scores(const Trial& trial, const ParameterCatalogue& catalogue,
                                      const ResultPaths& paths) {
  std::vector<ScalarScores> scores;
  if (trial.fisher_runs.empty()) return scores;
  const std::vector<ParameterIndex> tensors = pool_tensors(trial.method.options.at("pool"), catalogue);
  std::vector<std::string> names;
  for (const ParameterIndex i : tensors) names.push_back(catalogue[i].name);
  for (const std::string& id : trial.fisher_runs) {
    if (!std::filesystem::exists(paths.fisher_file(id))) {
      throw Error("the Fisher run " + id + " that this method chooses by is missing; see why in the output of the run");
    }
    std::vector<at::Tensor> diagonal = read_fisher_diagonal(paths.fisher_file(id), names);
    ScalarScores task(catalogue.size());
    for (std::size_t k = 0; k < tensors.size(); ++k) task[tensors[k]] = std::move(diagonal[k]);
    scores.push_back(std::move(task));
  }
  return scores;
}

bool is_complete(const std::vector<PlannedTrial>& trials) {
  return std::all_of(trials.begin(), trials.end(), is_finished);
}

}  // namespace tunescope
