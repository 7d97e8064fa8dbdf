#include "tunescope/storage/merge.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>
#include <utility>

#include "tunescope/base/error.hpp"
#include "tunescope/hdf5/file.hpp"
#include "tunescope/io/sealed_file.hpp"
#include "tunescope/results/results_file.hpp"
#include "tunescope/storage/kept_weights.hpp"
#include "tunescope/storage/screening.hpp"
#include "tunescope/storage/status.hpp"

namespace tunescope {
namespace {

// The mask of a trial whose file, of an earlier build, does not have it: chosen again by the same Fisher runs.
MaskRecord choose_again(const Trial& trial, SweepInputs& inputs, const JobFolder& folder) {
  const ParameterCatalogue& catalogue = inputs.catalogue(inputs.find_task(trial.task));
  const Selection selection = select_parameters(
      trial.method, catalogue, {trial.seed, load_importance(trial, catalogue, folder), inputs.model().backbone});
  MaskRecord mask{.id = trial.mask_id(), .method = trial.method.text(), .runs = {}, .indices = {}};
  for (const std::string& run : trial.fisher_runs) mask.runs += (mask.runs.empty() ? "" : " ") + run;
  for (ParameterIndex i = 0; i < catalogue.size(); ++i) {
    if (selection[i].kind != TensorSelection::Kind::kSubset) continue;
    mask.indices.emplace_back(catalogue[i].name, selection[i].indices);
  }
  return mask;
}

std::vector<std::filesystem::path> intact_fisher_files(const JobFolder& folder, const std::vector<std::string>& ids,
                                                       std::vector<std::string>& warnings) {
  std::vector<std::filesystem::path> files;
  for (const std::string& id : ids) {
    const StoredFisher stored = load_fisher_status(folder, id);
    if (stored.is_done) files.push_back(folder.fisher_file(id));
    if (!stored.damage.empty()) warnings.push_back(stored.damage + "; it is left out");
  }
  return files;
}

bool are_there(const std::vector<std::string>& runs, const std::vector<std::filesystem::path>& files,
               const JobFolder& folder) {
  return std::ranges::all_of(
      runs, [&](const std::string& run) { return std::ranges::find(files, folder.fisher_file(run)) != files.end(); });
}

// What the present merged file says, if the model is gone; nothing if it is of before that attribute.
std::string attribute_of(const std::filesystem::path& merged, const std::string& name) {
  try {
    return hdf5::File::open(merged).read_string_attribute(name);
  } catch (const Error&) {
    return "";
  }
}

// The tensors that the model's file lacks and each trial draws.
std::string names_drawn_anew(const SweepInputs* inputs, const std::filesystem::path& merged,
                             std::vector<std::string>& warnings) {
  if (inputs == nullptr) {
    if (!std::filesystem::exists(merged)) {
      warnings.push_back(
          "the model's folder is gone, so the merged file does not say whether tensors were newly drawn");
      return "";
    }
    return attribute_of(merged, "drawn_anew");
  }
  const PretrainedModel& model = inputs->model();
  if (model.has_pooler) return "";
  std::string names;
  const ParameterCatalogue catalogue = model.network->catalogue(1);
  for (const ParameterInfo& parameter : catalogue.parameters()) {
    if (parameter.block == Block::kPooler) names += (names.empty() ? "" : " ") + parameter.name;
  }
  return names;
}

}  // namespace

std::vector<std::string> merge_results(const SweepSpec& spec, const std::vector<PlannedTrial>& trials,
                                       const std::vector<std::string>& fisher_ids, SweepInputs* inputs,
                                       const InputHashes& hashes, bool is_complete) {
  const JobFolder folder(spec);
  std::vector<std::string> warnings;
  MergeParts parts{.trial_files = {},
                   .fisher_files = intact_fisher_files(folder, fisher_ids, warnings),
                   .masks = {},
                   .screening = screened_rates(spec, list_trials(spec, hashes))};
  std::set<std::string> masks;
  for (const PlannedTrial& planned : trials) {
    if (!planned.stored.end) continue;
    const bool is_failed = planned.stored.end == TrialEnd::kFailed;
    parts.trial_files.push_back(is_failed ? folder.failed_file(planned.id) : folder.trial_file(planned.id));
    parts.kept_bytes.push_back(kept_bytes(folder, planned.id));
    std::ranges::move(read_ablation(folder.ablation_file(planned.id)), std::back_inserter(parts.ablation));
    const std::string mask = planned.trial.mask_id();
    if (is_failed || mask.empty() || !masks.insert(mask).second) continue;
    if (std::optional<MaskRecord> recorded = read_mask(parts.trial_files.back())) {
      parts.masks.push_back(std::move(*recorded));
    } else if (!are_there(planned.trial.fisher_runs, parts.fisher_files, folder)) {
      warnings.push_back("mask " + mask + " is left out: a Fisher run that it was chosen by is missing or damaged");
    } else if (inputs == nullptr) {
      throw ModelError(spec.model_folder.string() + ": cannot be read, and merging needs it to write which scalars " +
                       planned.trial.method.text() + " has chosen; put the model there again");
    } else {
      parts.masks.push_back(choose_again(planned.trial, *inputs, folder));
    }
  }
  merge_files(folder.merged, parts,
              {.job_text = spec.job_text,
               .inputs = hashes.serialize(),
               .architecture = inputs != nullptr ? std::string(inputs->model().network->architecture())
                                                 : attribute_of(folder.merged, "architecture"),
               .drawn_anew = names_drawn_anew(inputs, folder.merged, warnings),
               .is_complete = is_complete});
  return warnings;
}

std::vector<std::string> lost_by_merging(const SweepSpec& spec, const std::vector<PlannedTrial>& trials,
                                         const std::vector<std::string>& fisher_ids) {
  const JobFolder folder(spec);
  if (!std::filesystem::exists(folder.merged)) return {};
  std::set<std::string> kept;
  for (const PlannedTrial& planned : trials) {
    if (planned.is_finished()) kept.insert(planned.id);
  }
  std::vector<std::string> warnings;  // given when the file is merged
  for (const std::filesystem::path& file : intact_fisher_files(folder, fisher_ids, warnings)) kept.insert(file.stem());
  std::vector<std::string> lost = merged_ids(folder.merged);
  std::erase_if(lost, [&](const std::string& id) { return kept.contains(id); });
  return lost;
}

std::vector<std::string> reseal_files(const SweepSpec& spec, const std::vector<PlannedTrial>& trials,
                                      const std::vector<std::string>& fisher_ids) {
  const JobFolder folder(spec);
  std::vector<std::filesystem::path> files;
  for (const PlannedTrial& planned : trials) files.push_back(folder.trial_file(planned.id));
  for (const std::string& id : fisher_ids) files.push_back(folder.fisher_file(id));
  std::vector<std::string> lines;
  for (const std::filesystem::path& file : files) {
    const Seal seal = inspect_seal(file);
    if (seal != Seal::kMissing && seal != Seal::kBroken) continue;
    try {
      reseal(file);
      lines.push_back(file.string() + ": " + std::string(describe(seal)) +
                      "; all of it can be read, so it has a new checksum");
    } catch (const EnvironmentError&) {
      throw;
    } catch (const Error& error) {
      lines.push_back(file.string() + ": cannot get a new checksum: " + error.what());
    }
  }
  return lines;
}

}  // namespace tunescope
