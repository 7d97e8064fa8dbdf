#include "tunescope/sweep/sweep.hpp"

#include <unistd.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "tunescope/atomic_file.hpp"
#include "tunescope/error.hpp"
#include "tunescope/results/results_file.hpp"
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

MaskRecord record_mask(const Trial& trial, SweepInputs& inputs, const ResultPaths& paths) {
  const ParameterCatalogue& catalogue = inputs.catalogue(find_task(trial.task));
  const Selection selection =
      select_parameters(trial.method, catalogue, {trial.seed, load_scores(trial, catalogue, paths)});
  MaskRecord mask{.id = trial.mask_id(), .method = trial.method.text(), .runs = {}, .indices = {}};
  for (const std::string& run : trial.fisher_runs) mask.runs += (mask.runs.empty() ? "" : " ") + run;
  for (ParameterIndex i = 0; i < catalogue.size(); ++i) {
    if (selection[i].kind != TensorSelection::Kind::kSome) continue;
    mask.indices.emplace_back(catalogue[i].name, selection[i].indices);
  }
  return mask;
}

std::vector<std::filesystem::path> intact_fisher_files(const ResultPaths& paths, const std::vector<std::string>& ids,
                                                       std::vector<std::string>& warnings) {
  std::vector<std::filesystem::path> files;
  for (const std::string& id : ids) {
    const std::filesystem::path file = paths.fisher_file(id);
    if (!std::filesystem::exists(file)) continue;
    try {
      read_fisher(file);
      files.push_back(file);
    } catch (const Hdf5Error& error) {
      warnings.push_back(std::string(error.what()) + "; it is left out");
    }
  }
  return files;
}

std::string names_drawn_anew(const PretrainedModel& model) {
  if (model.has_pooler) return "";
  const ParameterCatalogue catalogue(model.config, 1);
  return catalogue[catalogue.pooler.weight].name + " " + catalogue[catalogue.pooler.bias].name;
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
      lock(spec.job_folder() / "lock"),
      running(spec.job_folder() / "running"),
      merged(spec.results_file()) {}

void prepare_results_folder(const ResultPaths& paths) {
  for (const std::filesystem::path& folder :
       {paths.trials, paths.failed, paths.checkpoints, paths.weights, paths.log}) {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error || ::access(folder.c_str(), W_OK | X_OK) != 0) {
      throw ConfigError(folder.string() + ": cannot be written" + (error ? " (" + error.message() + ")" : "") +
                        "; choose another folder with [run] results");
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
    planned.warning = std::string(error.what()) + "; the trial runs again";
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

std::vector<std::string> merge_results(const SweepSpec& spec, const std::vector<PlannedTrial>& trials,
                                       const std::vector<std::string>& fisher_ids, SweepInputs& inputs,
                                       const InputHashes& hashes, bool is_complete) {
  const ResultPaths paths(spec);
  std::vector<std::string> warnings;
  MergeParts parts{.trial_files = {}, .fisher_files = intact_fisher_files(paths, fisher_ids, warnings), .masks = {}};
  const auto is_intact = [&](const std::string& run) {
    return std::ranges::find(parts.fisher_files, paths.fisher_file(run)) != parts.fisher_files.end();
  };
  std::set<std::string> masks;
  for (const PlannedTrial& planned : trials) {
    if (planned.state == StoredState::kMissing) continue;
    const bool is_failed = planned.state == StoredState::kFailed;
    parts.trial_files.push_back(is_failed ? paths.failed_file(planned.id) : paths.trial_file(planned.id));
    const std::string mask = planned.trial.mask_id();
    if (is_failed || mask.empty() || !masks.insert(mask).second) continue;
    const std::vector<std::string>& runs = planned.trial.fisher_runs;
    if (std::all_of(runs.begin(), runs.end(), is_intact)) {
      parts.masks.push_back(record_mask(planned.trial, inputs, paths));
    } else {
      warnings.push_back("mask " + mask + " is left out: a Fisher run that it was chosen by is missing or damaged");
    }
  }
  merge_files(paths.merged, parts,
              {.job_text = spec.job_text,
               .inputs = hashes.serialize(),
               .drawn_anew = names_drawn_anew(inputs.model()),
               .is_complete = is_complete});
  return warnings;
}

}  // namespace tunescope
