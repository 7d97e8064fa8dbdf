#include "tunescope/sweep/fisher_sources.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "tunescope/atomic_file.hpp"
#include "tunescope/error.hpp"
#include "tunescope/model/safetensors.hpp"
#include "tunescope/results/fisher_record.hpp"
#include "tunescope/results/trial_record.hpp"

namespace tunescope {
namespace {

bool has_weights(const ResultPaths& paths, const std::string& source, std::int64_t step) {
  return step == 0 || std::filesystem::exists(paths.weights_file(source, step));
}

// Whether a run's file is there and whole; a damaged one is made again.
bool is_stored(const ResultPaths& paths, const std::string& run) {
  const std::filesystem::path file = paths.fisher_file(run);
  if (!std::filesystem::exists(file)) return false;
  try {
    read_fisher(file);
    return true;
  } catch (const Hdf5Error&) {
    return false;
  }
}

// The steps at which pending runs, which no other sweep has computed meanwhile, measure weights that are not there.
std::set<std::int64_t> missing_weights(const ResultPaths& paths, const std::string& source,
                                       const std::vector<PlannedFisher>& runs) {
  std::set<std::int64_t> steps;
  for (const PlannedFisher& planned : runs) {
    const bool is_missing = !planned.is_done && planned.run.source.id() == source &&
                            !has_weights(paths, source, planned.step) && !is_stored(paths, planned.id);
    if (is_missing) steps.insert(planned.step);
  }
  return steps;
}

// The step at which a stored training diverged: it leaves no weights from there on.
std::optional<std::int64_t> step_of_divergence(const ResultPaths& paths, const std::string& trial) {
  const std::filesystem::path file = paths.trial_file(trial);
  if (!std::filesystem::exists(file)) return std::nullopt;
  try {
    const TrialRow row = read_trial_row(file);
    return row.state == "diverged" ? std::optional(row.steps) : std::nullopt;
  } catch (const Hdf5Error&) {
    return std::nullopt;
  }
}

}  // namespace

std::vector<PlannedTrial> fisher_sources(const std::vector<PlannedFisher>& runs, SweepInputs& inputs) {
  std::vector<PlannedTrial> sources;
  std::set<std::string> known;
  for (const PlannedFisher& planned : runs) {
    const std::string id = planned.run.source.id();
    if (planned.is_done || !known.insert(id).second) continue;
    sources.push_back(plan_trial(planned.run.source, inputs));
  }
  return sources;
}

bool has_to_train(const SweepSpec& spec, const PlannedTrial& source, const std::vector<PlannedFisher>& runs) {
  const ResultPaths paths(spec);
  const std::set<std::int64_t> steps = missing_weights(paths, source.id, runs);
  const std::optional<std::int64_t> end = step_of_divergence(paths, source.id);
  const bool is_cut =
      std::filesystem::exists(paths.checkpoint(source.id)) && !std::filesystem::exists(paths.trial_file(source.id));
  return is_cut || std::any_of(steps.begin(), steps.end(), [&](std::int64_t step) { return !end || step < *end; });
}

void wait_for_weights(const SweepSpec& spec, const PlannedTrial& trained, const std::vector<PlannedFisher>& runs) {
  const ResultPaths paths(spec);
  const std::optional<std::int64_t> end = step_of_divergence(paths, trained.id);
  for (const PlannedFisher& planned : runs) {
    const bool leaves_weights = planned.step > 0 && (!end || planned.step < *end);
    if (planned.is_done || planned.run.source.id() != trained.id || !leaves_weights) continue;
    // Another sweep may have measured and removed them already.
    wait_for_any({paths.weights_file(trained.id, planned.step), paths.fisher_file(planned.id)});
  }
}

std::unique_ptr<RecordedTrial> start_trial(const RankContext& context, const ResultPaths& paths,
                                           const PlannedTrial& planned, const std::vector<PlannedFisher>& runs,
                                           const ProgressReport& report) {
  const ParameterCatalogue& catalogue = context.inputs.catalogue(find_task(planned.trial.task));
  const std::vector<at::Tensor>& backbone = context.inputs.model().backbone;
  const std::set<std::int64_t> steps = missing_weights(paths, planned.id, runs);
  const auto save_weights = [&catalogue, &backbone, &paths, &planned, &runs, steps](std::int64_t step,
                                                                                    const Parameters& parameters) {
    if (!steps.contains(step)) return;
    NamedTensors trained;
    for (ParameterIndex i = 0; i < parameters.size(); ++i) {
      const bool is_shared = i < backbone.size() && parameters[i].is_same(backbone[i]);
      if (!is_shared) trained.emplace_back(catalogue[i].name, parameters[i]);
    }
    write_safetensors(paths.weights_file(planned.id, step), trained);
    // Sums of earlier weights, which may differ in rounding, must not go on with these.
    for (const PlannedFisher& fisher : runs) {
      if (fisher.step == step && fisher.run.source.id() == planned.id) {
        std::filesystem::remove_all(paths.checkpoints / fisher.id);
      }
    }
  };
  TrialControl control{.report = report, .stop = context.stop, .on_parameters = save_weights};
  if (!steps.empty()) control.resume_before = *steps.begin();
  return std::make_unique<RecordedTrial>(planned, context.inputs, paths, context.worker, std::move(control));
}

bool chooses_by_pending(const Trial& trial, const std::vector<PlannedFisher>& runs) {
  return std::ranges::any_of(runs, [&](const PlannedFisher& planned) {
    return !planned.is_done && std::ranges::find(trial.fisher_runs, planned.id) != trial.fisher_runs.end();
  });
}

std::string why_not_measurable(const ResultPaths& paths, const PlannedFisher& planned) {
  const std::string source = planned.run.source.id();
  if (has_weights(paths, source, planned.step)) return "";
  const std::optional<std::int64_t> diverged = step_of_divergence(paths, source);
  return fmt::format("its training (trial {}) left no weights at step {}: {}", source, planned.step,
                     diverged ? fmt::format("it diverged at step {}", *diverged) : "it failed");
}

void remove_measured_weights(const SweepSpec& spec, const InputHashes& hashes, SweepInputs& inputs) {
  const ResultPaths paths(spec);
  std::set<std::filesystem::path> measured, needed;
  for (const FisherRun& run : job_fisher_runs(spec, hashes)) {
    const bool is_done = std::filesystem::exists(paths.fisher_file(run.id()));
    (is_done ? measured : needed).insert(paths.weights_file(run.source.id(), step_of(run, inputs)));
  }
  for (const std::filesystem::path& weights : measured) {
    if (!needed.contains(weights)) std::filesystem::remove(weights);
  }
}

}  // namespace tunescope
