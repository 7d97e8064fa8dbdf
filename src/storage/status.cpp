#include "tunescope/storage/status.hpp"

#include "tunescope/base/error.hpp"
#include "tunescope/data/selection.hpp"
#include "tunescope/io/sealed_file.hpp"
#include "tunescope/results/fisher_record.hpp"
#include "tunescope/results/trial_record.hpp"
#include "tunescope/storage/kept_weights.hpp"
#include "tunescope/storage/screening.hpp"
#include "tunescope/storage/trial_checkpoints.hpp"

namespace tunescope {
namespace {

// The weights beside a trial's file if they are those that `keep` asks for.
std::optional<std::filesystem::path> wanted_weights(const std::filesystem::path& trial_file, const TrialRow& row,
                                                    KeepWeights keep) {
  std::filesystem::path weights = trial_file;
  weights.replace_extension(".safetensors");
  const std::int64_t step = keep == KeepWeights::kBest ? row.best_step : row.steps;
  if (keep == KeepWeights::kNone || kept_step(weights, row.id) != step) return std::nullopt;
  return weights;
}

// Takes a finished trial over from another job in the same results folder, with its weights; but not one that is done
// and lacks the weights that this job asks for.
void link_trial(const SweepSpec& spec, const JobFolder& folder, const std::string& id) {
  if (std::filesystem::exists(folder.trial_file(id))) return;
  const bool needs_weights = spec.keep == KeepWeights::kTrained || spec.keep == KeepWeights::kBest;
  std::optional<std::filesystem::path> result, weights;
  for (const auto& candidate : find_in_other_jobs(spec, std::filesystem::path("trials") / (id + ".h5"))) {
    try {
      const TrialRow row = read_trial_row(candidate);
      const auto beside = wanted_weights(candidate, row, spec.keep);
      if (needs_weights && !beside && row.state == to_string(TrialEnd::kDone)) continue;
      if (result && !beside) continue;
      result = candidate;
      weights = beside;
      if (weights) break;
    } catch (const Hdf5Error&) {  // does not count there either
    }
  }
  if (!result) return;
  std::filesystem::remove(folder.kept_file(id));  // of an earlier training here
  if (weights) link_or_copy(*weights, folder.kept_file(id));
  link_or_copy(*result, folder.trial_file(id));  // last, for it ends the trial
}

// What else a user can do about a file that does not count, as the end of a sentence; empty if there is nothing.
std::string remedy_for(const std::filesystem::path& file) {
  const Seal seal = inspect_seal(file);
  if (seal != Seal::kMissing && seal != Seal::kBroken) return "";
  return ", unless `tunescope merge JOB --reseal` takes it as it is";
}

}  // namespace

StoredTrial load_status(const JobFolder& folder, const std::string& trial) {
  const std::filesystem::path finished = folder.trial_file(trial);
  const bool is_finished = std::filesystem::exists(finished);
  const std::filesystem::path file = is_finished ? finished : folder.failed_file(trial);
  StoredTrial stored{.has_checkpoint = !is_finished && TrialCheckpoints(folder, trial).exist()};
  if (!is_finished && !std::filesystem::exists(file)) return stored;
  try {
    const TrialRow row = read_trial_row(file);
    stored.end = parse_trial_end(row.state).value_or(TrialEnd::kFailed);
    stored.error = row.error;
    stored.seconds = row.wall_seconds;
    stored.selection_score = row.selection == SelectionRule().text() ? row.score : row.selection_score;
  } catch (const Hdf5Error& error) {
    stored.warning = std::string(error.what()) + "; the trial runs again" + (is_finished ? remedy_for(file) : "");
  }
  return stored;
}

void load_status(const SweepSpec& spec, std::vector<PlannedTrial>& trials) {
  const JobFolder folder(spec);
  for (PlannedTrial& planned : trials) {
    if (!planned.is_stand_in) planned.stored = load_status(folder, planned.id);
  }
}

std::vector<PlannedTrial> stored_trials(const SweepSpec& spec, const InputHashes& hashes) {
  std::vector<PlannedTrial> trials = after_screening(spec, list_trials(spec, hashes));
  load_status(spec, trials);
  return trials;
}

void load_status_and_link(const SweepSpec& spec, std::vector<PlannedTrial>& trials) {
  const JobFolder folder(spec);
  if (std::filesystem::exists(folder.trials)) {
    for (const PlannedTrial& planned : trials) {
      if (!planned.is_stand_in) link_trial(spec, folder, planned.id);
    }
  }
  load_status(spec, trials);
}

StoredFisher load_fisher_status(const JobFolder& folder, const std::string& run) {
  const std::filesystem::path file = folder.fisher_file(run);
  if (!std::filesystem::exists(file)) return {};
  try {
    read_fisher(file);
    return {.is_done = true};
  } catch (const Hdf5Error& error) {
    return {.damage = error.what()};
  }
}

void load_status_and_link(const SweepSpec& spec, std::vector<PlannedFisher>& runs) {
  const JobFolder folder(spec);
  const bool has_folder = std::filesystem::exists(folder.fisher);
  for (PlannedFisher& planned : runs) {
    if (planned.is_done) continue;
    const std::filesystem::path file = folder.fisher_file(planned.id);
    if (has_folder && !std::filesystem::exists(file)) {
      const auto of_others = find_in_other_jobs(spec, std::filesystem::path("fisher") / file.filename());
      if (!of_others.empty()) link_or_copy(of_others.front(), file);
    }
    const StoredFisher stored = load_fisher_status(folder, planned.id);
    planned.is_done = stored.is_done;
    if (stored.damage.empty()) continue;
    planned.warning = stored.damage + "; the Fisher run is computed again" + remedy_for(folder.fisher_file(planned.id));
  }
}

std::optional<std::int64_t> step_of_divergence(const JobFolder& folder, const std::string& trial) {
  const std::filesystem::path file = folder.trial_file(trial);
  if (!std::filesystem::exists(file)) return std::nullopt;
  try {
    const TrialRow row = read_trial_row(file);
    return row.state == to_string(TrialEnd::kDiverged) ? std::optional(row.steps) : std::nullopt;
  } catch (const Hdf5Error&) {
    return std::nullopt;
  }
}

std::vector<ParameterImportance> load_importance(const Trial& trial, const ParameterCatalogue& catalogue,
                                                 const JobFolder& folder) {
  std::vector<ParameterImportance> scores;
  if (trial.fisher_runs.empty()) return scores;
  const std::vector<ParameterIndex> tensors = candidate_tensors(*trial.method.fisher_part(), catalogue);
  std::vector<std::string> names;
  for (const ParameterIndex i : tensors) names.push_back(catalogue[i].name);
  for (const std::string& id : trial.fisher_runs) {
    if (!std::filesystem::exists(folder.fisher_file(id))) {
      throw Error("the Fisher run " + id + " that this method chooses by is missing; see why in the output of the run");
    }
    std::vector<at::Tensor> diagonal = read_fisher_diagonal(folder.fisher_file(id), names);
    ParameterImportance task(catalogue.size());
    for (std::size_t k = 0; k < tensors.size(); ++k) task[tensors[k]] = std::move(diagonal[k]);
    scores.push_back(std::move(task));
  }
  return scores;
}

}  // namespace tunescope
