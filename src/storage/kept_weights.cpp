#include "tunescope/storage/kept_weights.hpp"

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <string_view>
#include <system_error>

#include "tunescope/base/error.hpp"
#include "tunescope/io/atomic_file.hpp"
#include "tunescope/method/method.hpp"

namespace tunescope {
namespace {

constexpr double kSmallShare = 0.01;  // of the model, below which `auto` keeps what was trained
constexpr const char* kTrialEntry = "trial";
constexpr const char* kStepEntry = "step";
constexpr std::string_view kBestPrefix = "best-";

std::int64_t best_step(const TrainResult& result) {
  return result.evaluations.empty() ? 0 : result.evaluations[result.best_evaluation].step;
}

// The step in the name of a file of the best weights.
std::optional<std::int64_t> step_of(const std::filesystem::path& file) {
  const std::string name = file.filename();
  std::int64_t step = 0;
  if (!name.starts_with(kBestPrefix)) return std::nullopt;
  const auto [end, error] = std::from_chars(name.data() + kBestPrefix.size(), name.data() + name.size(), step);
  return error == std::errc() ? std::optional(step) : std::nullopt;
}

// Those whose files can be listed.
std::set<std::int64_t> steps_in(const std::filesystem::path& folder) {
  std::set<std::int64_t> steps;
  std::error_code error;
  for (auto entry = std::filesystem::directory_iterator(folder, error);
       !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    if (const std::optional<std::int64_t> step = step_of(entry->path())) steps.insert(*step);
  }
  return steps;
}

bool is_small(const NamedTensors& tensors, const TrainResult& result) {
  std::int64_t scalars = 0;
  for (const auto& [name, tensor] : tensors) scalars += tensor.numel();
  return static_cast<double>(scalars) < kSmallShare * static_cast<double>(result.total_parameters);
}

std::map<std::string, std::string> metadata_of(const std::string& trial, std::int64_t step) {
  return {{kTrialEntry, trial}, {kStepEntry, std::to_string(step)}};
}

void move_file(const std::filesystem::path& from, const std::filesystem::path& to) {
  std::error_code error;
  std::filesystem::rename(from, to, error);
  if (error == std::errc::cross_device_link) {
    write_atomically(to, [&](const std::filesystem::path& temporary) {
      std::filesystem::copy_file(from, temporary, std::filesystem::copy_options::overwrite_existing);
    });
  } else if (error) {
    throw EnvironmentError(fmt::format("{}: cannot be moved to {}: {}", from.string(), to.string(), error.message()));
  }
}

}  // namespace

NamedTensors own_tensors(const Parameters& parameters, const PretrainedModel& model,
                         const ParameterCatalogue& catalogue) {
  NamedTensors tensors;
  for (ParameterIndex i = 0; i < parameters.size(); ++i) {
    const bool is_shared = i < model.backbone.size() && parameters[i].is_same(model.backbone[i]);
    if (!is_shared) tensors.emplace_back(catalogue[i].name, parameters[i]);
  }
  return tensors;
}

void take_tensors(const Safetensors& file, const ParameterCatalogue& catalogue, Parameters& parameters) {
  for (ParameterIndex i = 0; i < catalogue.size(); ++i) {
    if (!file.has(catalogue[i].name)) continue;
    parameters[i] = file.float_tensor(catalogue[i].name).to(parameters[i].device());
  }
}

std::optional<std::int64_t> kept_step(const std::filesystem::path& file, const std::string& trial) {
  if (!std::filesystem::exists(file) || !is_intact_safetensors(file)) return std::nullopt;
  const std::map<std::string, std::string> metadata = Safetensors::open_file(file).metadata();
  const auto of_trial = metadata.find(kTrialEntry);
  const auto of_step = metadata.find(kStepEntry);
  if (!metadata.contains(kSealEntry) || of_trial == metadata.end() || of_step == metadata.end()) return std::nullopt;
  std::int64_t step = 0;
  std::from_chars(of_step->second.data(), of_step->second.data() + of_step->second.size(), step);
  return of_trial->second == trial ? std::optional(step) : std::nullopt;
}

std::int64_t kept_bytes(const JobFolder& folder, const std::string& trial) {
  std::error_code error;
  const std::uintmax_t bytes = std::filesystem::file_size(folder.kept_file(trial), error);
  return error ? 0 : static_cast<std::int64_t>(bytes);
}

WeightsKeeper::WeightsKeeper(const JobFolder& folder, const std::string& trial, KeepWeights keep)
    : folder_(folder), trial_(trial), keep_(keep) {
  if (keep == KeepWeights::kBest) needed_.push_back(steps_in(folder.checkpoint_folder(trial)));
}

std::filesystem::path WeightsKeeper::best_file(std::int64_t step) const {
  return folder_.checkpoint_folder(trial_) / fmt::format("{}{}.safetensors", kBestPrefix, step);
}

void WeightsKeeper::forget_all_but(std::optional<std::int64_t> step) {
  for (const std::int64_t other : steps_in(folder_.checkpoint_folder(trial_))) {
    const auto needs = [&](const std::set<std::int64_t>& steps) { return steps.contains(other); };
    std::error_code ignored;  // then it stays for a while longer
    if (other != step && std::ranges::none_of(needed_, needs)) std::filesystem::remove(best_file(other), ignored);
  }
}

void WeightsKeeper::on_best(std::int64_t step, const Parameters& parameters, const PretrainedModel& model,
                            const ParameterCatalogue& catalogue) {
  if (keep_ != KeepWeights::kBest) return;
  try {
    make_folder(folder_.checkpoint_folder(trial_));
    write_safetensors(best_file(step), own_tensors(parameters, model, catalogue), metadata_of(trial_, step));
  } catch (const std::exception& error) {
    spdlog::warn("trial {}: the weights of its best evaluation so far are not kept: {}", trial_, error.what());
    std::error_code ignored;
    std::filesystem::remove(best_file(step), ignored);  // of an earlier training that had the same number of steps
    return;
  }
  forget_all_but(step);
}

// A damaged checkpoint lets a run resume from the one before.
void WeightsKeeper::on_checkpoint(const TrainResult& result) {
  if (keep_ != KeepWeights::kBest) return;
  needed_.push_back({best_step(result)});
  if (needed_.size() > 2) needed_.erase(needed_.begin());
  forget_all_but(std::nullopt);
}

// They are in their place already if a kill came before the result file was written.
void WeightsKeeper::put_best_in_place(std::int64_t step) const {
  const std::filesystem::path target = folder_.kept_file(trial_);
  if (std::filesystem::exists(best_file(step))) {
    move_file(best_file(step), target);
    return;
  }
  if (kept_step(target, trial_) == step) return;
  std::filesystem::remove(target);
  spdlog::warn(
      "trial {}: the weights of its best evaluation, after step {}, are not kept: they could not be written, "
      "or an earlier sweep passed that step without keeping any",
      trial_, step);
}

void WeightsKeeper::on_end(const TrainedModel& trained, const PretrainedModel& model,
                           const ParameterCatalogue& catalogue) {
  const TrainResult& result = trained.result;
  const bool is_done = result.end == TrialEnd::kDone;
  if (is_done && keep_ == KeepWeights::kBest) {
    put_best_in_place(best_step(result));
    return;
  }
  if (is_done && keep_ != KeepWeights::kNone) {
    const NamedTensors own = own_tensors(trained.parameters, model, catalogue);
    // Somebody asked for weights that are there, when this trial was trained before.
    const bool were_kept = std::filesystem::exists(folder_.kept_file(trial_));
    if (keep_ == KeepWeights::kTrained || were_kept || is_small(own, result)) {
      write_safetensors(folder_.kept_file(trial_), own, metadata_of(trial_, result.steps));
      return;
    }
  }
  std::filesystem::remove(folder_.kept_file(trial_));
}

KeptWeights load_kept_weights(const JobFolder& folder, const Trial& trial, const PretrainedModel& model,
                              const ParameterCatalogue& catalogue) {
  const std::string id = trial.id();
  const std::filesystem::path path = folder.kept_file(id);
  const auto refuse = [&](const std::string& problem) {
    throw DataError(
        fmt::format("{}; to train the trial again and keep them, remove {} and start the sweep with "
                    "--run.keep trained (or best)",
                    problem, folder.trial_file(id).string()));
  };
  if (!std::filesystem::exists(path)) refuse("the weights of trial " + id + " were not kept");
  const std::optional<std::int64_t> step = kept_step(path, id);
  if (!step) refuse(path.string() + ": is damaged, or not the weights of this trial");
  const Safetensors file = Safetensors::open_file(path);
  KeptWeights kept{.additions = additions_of(trial.method, catalogue),
                   .parameters = with_new_head(model, catalogue, trial.seed),
                   .step = *step};
  kept.additions.append_initial(kept.parameters, trial.seed);
  const Additions unmerged = kept.additions.unmerged();
  for (const ParameterInfo& info : unmerged.catalogue().parameters()) {
    const bool is_kept_always = info.is_head() || info.is_added;
    if (is_kept_always && !file.has(info.name)) refuse(path.string() + ": has no " + info.name);
  }
  for (const ParameterInfo& info : kept.additions.catalogue().parameters()) {
    if (!file.has(info.name)) {
      kept.are_merged = kept.are_merged || info.is_added;
    } else if (file.shape(info.name) != info.shape) {
      refuse(path.string() + ": " + info.name + " has another shape");
    }
  }
  take_tensors(file, kept.additions.catalogue(), kept.parameters);
  return kept;
}

}  // namespace tunescope
