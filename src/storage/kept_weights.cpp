#include "tunescope/storage/kept_weights.hpp"

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>

#include <charconv>
#include <vector>

#include "tunescope/base/error.hpp"
#include "tunescope/io/atomic_file.hpp"

namespace tunescope {
namespace {

constexpr double kSmallShare = 0.01;  // of the scalars, up to which `auto` keeps what was trained
constexpr const char* kTrialEntry = "trial";
constexpr const char* kStepEntry = "step";
constexpr std::string_view kBestPrefix = "best-";

std::int64_t best_step(const TrainResult& result) {
  return result.evaluations.empty() ? 0 : result.evaluations[result.best_evaluation].step;
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

WeightsKeeper::WeightsKeeper(const JobFolder& folder, const std::string& trial, KeepWeights keep)
    : folder_(folder), trial_(trial), keep_(keep) {}

std::filesystem::path WeightsKeeper::best_file(std::int64_t step) const {
  return folder_.checkpoint_folder(trial_) / fmt::format("{}{}.safetensors", kBestPrefix, step);
}

bool WeightsKeeper::keeps_last(const TrainResult& result) const {
  if (keep_ != KeepWeights::kAuto) return keep_ == KeepWeights::kTrained;
  return static_cast<double>(result.trainable_parameters) < kSmallShare * static_cast<double>(result.total_parameters);
}

void WeightsKeeper::on_best(std::int64_t step, const Parameters& parameters, const PretrainedModel& model,
                            const ParameterCatalogue& catalogue) const {
  if (keep_ != KeepWeights::kBest) return;
  make_folder(folder_.checkpoint_folder(trial_));
  write_safetensors(best_file(step), own_tensors(parameters, model, catalogue),
                    {{kTrialEntry, trial_}, {kStepEntry, std::to_string(step)}});
}

void WeightsKeeper::on_checkpoint(const TrainResult& result) const {
  if (keep_ != KeepWeights::kBest) return;
  const std::filesystem::path needed = best_file(best_step(result));
  std::vector<std::filesystem::path> older;
  for (const auto& entry : std::filesystem::directory_iterator(folder_.checkpoint_folder(trial_))) {
    const bool is_best = entry.path().filename().string().starts_with(kBestPrefix);
    if (is_best && entry.path() != needed) older.push_back(entry.path());
  }
  for (const std::filesystem::path& file : older) std::filesystem::remove(file);
}

void WeightsKeeper::on_done(const TrainResult& result, const Parameters& parameters, const PretrainedModel& model,
                            const ParameterCatalogue& catalogue) const {
  const std::filesystem::path target = folder_.kept_file(trial_);
  if (keep_ == KeepWeights::kBest) {
    std::error_code error;
    std::filesystem::rename(best_file(best_step(result)), target, error);
    if (error) {
      spdlog::warn(
          "trial {}: the weights of its best evaluation, after step {}, are not there: an earlier sweep, that "
          "did not keep them, had passed it",
          trial_, best_step(result));
    }
  } else if (keeps_last(result)) {
    write_safetensors(target, own_tensors(parameters, model, catalogue),
                      {{kTrialEntry, trial_}, {kStepEntry, std::to_string(result.steps)}});
  }
}

KeptWeights load_kept_weights(const JobFolder& folder, const Trial& trial, const PretrainedModel& model,
                              const ParameterCatalogue& catalogue) {
  const std::string id = trial.id();
  const std::filesystem::path path = folder.kept_file(id);
  const std::string remedy = fmt::format(
      "; to train the trial again and keep them, remove {} and start the sweep with --run.keep trained (or best)",
      folder.trial_file(id).string());
  if (!std::filesystem::exists(path)) throw DataError("the weights of trial " + id + " were not kept" + remedy);
  if (!is_intact_safetensors(path)) throw DataError(path.string() + ": is damaged" + remedy);
  const Safetensors file = Safetensors::open_file(path);
  KeptWeights kept{.parameters = with_new_head(model, catalogue, trial.seed)};
  const std::string& step = file.metadata().at(kStepEntry);
  std::from_chars(step.data(), step.data() + step.size(), kept.step);
  for (ParameterIndex i = 0; i < catalogue.size(); ++i) {
    if (file.has(catalogue[i].name)) kept.parameters[i] = file.float_tensor(catalogue[i].name);
  }
  return kept;
}

}  // namespace tunescope
