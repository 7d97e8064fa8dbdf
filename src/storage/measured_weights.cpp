#include "tunescope/storage/measured_weights.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <limits>
#include <optional>

#include "tunescope/base/error.hpp"
#include "tunescope/io/atomic_file.hpp"
#include "tunescope/io/safetensors.hpp"
#include "tunescope/storage/kept_weights.hpp"
#include "tunescope/storage/status.hpp"
#include "tunescope/storage/trial_checkpoints.hpp"

namespace tunescope {
namespace {

bool has_weights(const JobFolder& folder, const std::string& trial, std::int64_t step) {
  if (step == 0) return true;
  const std::filesystem::path file = folder.weights_file(trial, step);
  return std::filesystem::exists(file) && is_intact_safetensors(file);
}

// The steps at which pending runs, which no other sweep has computed meanwhile, measure weights that are not there.
std::set<std::int64_t> missing_steps(const JobFolder& folder, const std::string& trial,
                                     const std::vector<PlannedFisher>& runs) {
  std::set<std::int64_t> steps;
  for (const PlannedFisher& planned : runs) {
    if (planned.is_done || planned.training != trial || has_weights(folder, trial, planned.step)) continue;
    if (!load_fisher_status(folder, planned.id).is_done) steps.insert(planned.step);
  }
  return steps;
}

}  // namespace

WeightsWriter::WeightsWriter(const JobFolder& folder, const std::string& trial, const std::vector<PlannedFisher>& runs)
    : folder_(folder), trial_(trial), runs_(runs), missing_(missing_steps(folder, trial, runs)) {}

std::int64_t WeightsWriter::first_missing_step() const {
  return missing_.empty() ? std::numeric_limits<std::int64_t>::max() : *missing_.begin();
}

void WeightsWriter::write(std::int64_t step, const Parameters& parameters, const PretrainedModel& model,
                          const ParameterCatalogue& catalogue) const {
  if (!missing_.contains(step)) return;
  write_safetensors(folder_.weights_file(trial_, step), own_tensors(parameters, model, catalogue));
  // Sums over earlier weights, which may differ in rounding, must not be added to sums over these.
  for (const PlannedFisher& fisher : runs_) {
    if (fisher.step == step && fisher.training == trial_) {
      std::filesystem::remove_all(folder_.checkpoint_folder(fisher.id));
    }
  }
}

bool needs_training(const JobFolder& folder, const std::string& trial, const std::vector<PlannedFisher>& runs) {
  const bool is_interrupted =
      TrialCheckpoints(folder, trial).exist() && !std::filesystem::exists(folder.trial_file(trial));
  if (is_interrupted) return true;
  const std::optional<std::int64_t> end = step_of_divergence(folder, trial);
  const std::set<std::int64_t> steps = missing_steps(folder, trial, runs);
  return std::any_of(steps.begin(), steps.end(), [&](std::int64_t step) { return !end || step < *end; });
}

void wait_for_weights(const JobFolder& folder, const std::string& trial, const std::vector<PlannedFisher>& runs) {
  const std::optional<std::int64_t> end = step_of_divergence(folder, trial);
  for (const PlannedFisher& planned : runs) {
    const bool leaves_weights = planned.step > 0 && (!end || planned.step < *end);
    if (planned.is_done || planned.training != trial || !leaves_weights) continue;
    // Another sweep may have measured and removed them already.
    wait_for_any({folder.weights_file(trial, planned.step), folder.fisher_file(planned.id)});
  }
}

std::string missing_weights_reason(const JobFolder& folder, const PlannedFisher& planned) {
  if (has_weights(folder, planned.training, planned.step)) return "";
  const std::optional<std::int64_t> diverged = step_of_divergence(folder, planned.training);
  return fmt::format("its training (trial {}) left no weights at step {}: {}", planned.training, planned.step,
                     diverged ? fmt::format("it diverged at step {}", *diverged) : "it failed");
}

Parameters load_measured_weights(const JobFolder& folder, const PlannedFisher& planned, const PretrainedModel& model,
                                 const ParameterCatalogue& catalogue, const Additions& additions) {
  Parameters parameters = with_new_head(model, catalogue, planned.run.training.seed);
  additions.append_initial(parameters, planned.run.training.seed);
  if (planned.step == 0) return parameters;
  const std::filesystem::path path = folder.weights_file(planned.training, planned.step);
  wait_for_file(path);
  const Safetensors file = Safetensors::open_file(path);
  if (!additions.empty() && !file.has(additions.catalogue()[additions.model_size()].name)) {
    throw DataError(path.string() +
                    ": is of an earlier build, without the tensors that the method adds; remove it, and its training "
                    "runs again");
  }
  take_tensors(file, additions.catalogue(), parameters);
  return parameters;
}

void remove_measured_weights(const SweepSpec& spec, const InputHashes& hashes, SweepInputs& inputs) {
  const JobFolder folder(spec);
  std::set<std::filesystem::path> measured, needed;
  for (const FisherRun& run : job_fisher_runs(spec, hashes)) {
    const bool is_done = load_fisher_status(folder, run.id()).is_done;
    (is_done ? measured : needed).insert(folder.weights_file(run.training.id(), measured_step(run, inputs)));
  }
  for (const std::filesystem::path& weights : measured) {
    if (!needed.contains(weights)) std::filesystem::remove(weights);
  }
}

}  // namespace tunescope
