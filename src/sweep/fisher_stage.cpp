#include "tunescope/sweep/fisher_stage.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <set>

#include "tunescope/error.hpp"
#include "tunescope/fisher/diagonal.hpp"
#include "tunescope/hostname.hpp"
#include "tunescope/model/safetensors.hpp"
#include "tunescope/results/fisher_record.hpp"
#include "tunescope/train/trainer.hpp"

namespace tunescope {
namespace {

// Every member of `inner` that is not of the head must be in `outer`.
bool contains(const std::string& outer, const std::string& inner, const ParameterCatalogue& catalogue) {
  const std::vector<bool> outer_members = pool_members(outer, catalogue);
  const std::vector<ParameterIndex> inner_tensors = pool_tensors(inner, catalogue);
  return std::all_of(inner_tensors.begin(), inner_tensors.end(), [&](ParameterIndex i) { return outer_members[i]; });
}

void check_pools(const SweepSpec& spec, const ParameterCatalogue& catalogue) {
  const FisherSpec& fisher = spec.fisher;
  if (!contains(fisher.parameters, fisher.keep, catalogue)) {
    throw ConfigError(fmt::format("[fisher] keep = {} has tensors that [fisher] parameters = {} does not measure",
                                  fisher.keep, fisher.parameters));
  }
  for (const Method& method : spec.methods) {
    if (!method.needs_fisher() || contains(fisher.keep, method.options.at("pool"), catalogue)) continue;
    throw ConfigError(
        fmt::format("method '{}' chooses from pool {}, but [fisher] keep = {}; set parameters and keep in "
                    "[fisher] to a pool that has all of it, such as all",
                    method.text(), method.options.at("pool"), fisher.keep));
  }
}

void check_examples(const FisherRun& run, const TaskData& data) {
  if (run.examples <= data.train.size()) return;
  throw ConfigError(
      fmt::format("[fisher] examples = {}, but task {} has {} training examples; choose fewer, or 0 for "
                  "all",
                  run.examples, run.source.task, data.train.size()));
}

void look_up(PlannedFisher& planned, const ResultPaths& paths) {
  const std::filesystem::path file = paths.fisher_file(planned.id);
  if (!std::filesystem::exists(file)) return;
  try {
    read_fisher(file);
    planned.is_done = true;
  } catch (const Hdf5Error& error) {
    planned.warning = std::string(error.what()) + "; the Fisher run is computed again";
  }
}

// The weights that a run measures: the initial ones, replaced by what the training left.
Parameters load_weights(const RankContext& context, const PlannedFisher& planned, const ParameterCatalogue& catalogue) {
  Parameters parameters = with_new_head(context.inputs.model(), catalogue, planned.run.source.seed);
  if (planned.step == 0) return parameters;
  const std::filesystem::path path = ResultPaths(context.spec).weights_file(planned.run.source.id(), planned.step);
  const Safetensors file = Safetensors::open_file(path);
  for (ParameterIndex i = 0; i < catalogue.size(); ++i) {
    if (file.has(catalogue[i].name)) {
      parameters[i] = file.float_tensor(catalogue[i].name).to(parameters[i].device());
    }
  }
  return parameters;
}

FisherRow describe(const PlannedFisher& planned, const RankContext& context, std::string_view reducer) {
  const FisherRun& run = planned.run;
  FisherRow row;
  row.id = planned.id;
  row.task = run.source.task;
  row.mode = fisher_mode_name(run.mode);
  row.batch_size = run.batch_size;
  row.at = run.source.method.text();
  row.point = run.point;
  row.step = planned.step;
  row.learning_rate = run.source.learning_rate;
  row.seed = static_cast<std::int64_t>(run.source.seed);
  row.trial = run.source.id();
  row.reducer = reducer;
  row.ranks = context.world.size();
  row.threads = context.worker.threads;
  row.device = context.worker.device.str();
  row.hostname = hostname();
  return row;
}

std::vector<std::pair<std::string, at::Tensor>> kept_diagonal(const std::vector<at::Tensor>& diagonal,
                                                              const ParameterCatalogue& catalogue,
                                                              const std::string& pool) {
  const std::vector<bool> is_kept = pool_members(pool, catalogue);
  std::vector<std::pair<std::string, at::Tensor>> kept;
  for (ParameterIndex i = 0; i < catalogue.size(); ++i) {
    if (is_kept[i]) kept.emplace_back(catalogue[i].name, diagonal[i].cpu());
  }
  return kept;
}

// Collective. Rank 0 writes the file.
void compute(const RankContext& context, Reducer& reducer, const PlannedFisher& planned,
             const FisherObserver& observer) {
  const auto begin = std::chrono::steady_clock::now();
  const TaskData& data = context.inputs.task(planned.run.source.task);
  const ParameterCatalogue& catalogue = context.inputs.catalogue(*data.task);
  const Parameters parameters = load_weights(context, planned, catalogue);
  const Dataset dataset = subsample(data.train, planned.run.examples);
  const FisherInputs inputs{.config = context.inputs.model().config,
                            .catalogue = catalogue,
                            .parameters = parameters,
                            .dataset = dataset,
                            .task = *data.task,
                            .is_wanted = pool_members(planned.run.parameters, catalogue),
                            .mode = planned.run.mode,
                            .batch_size = planned.run.batch_size,
                            .seed = planned.run.source.seed};
  const std::vector<at::Tensor> diagonal = fisher_diagonal(inputs, context.world, reducer);
  if (context.world.rank() == 0) {
    FisherRecord record{.row = describe(planned, context, reducer.name()),
                        .axes = MapAxes::of(catalogue),
                        .maps = FisherMaps::of(catalogue, diagonal),
                        .diagonal = kept_diagonal(diagonal, catalogue, planned.run.keep)};
    record.row.examples = dataset.size();
    record.row.wall_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    write_fisher(ResultPaths(context.spec).fisher_file(planned.id), record);
    observer.on_finish(planned, record.row.wall_seconds);
  }
  context.world.barrier();
}

bool has_weights(const ResultPaths& paths, const PlannedFisher& planned) {
  return planned.step == 0 || std::filesystem::exists(paths.weights_file(planned.run.source.id(), planned.step));
}

// Weights are large; a source's are needed no longer once all its runs are stored.
void remove_measured_weights(const ResultPaths& paths, const std::vector<PlannedFisher>& runs) {
  std::map<std::string, bool> is_needed;
  for (const PlannedFisher& planned : runs) {
    is_needed[planned.run.source.id()] |= !std::filesystem::exists(paths.fisher_file(planned.id));
  }
  for (const PlannedFisher& planned : runs) {
    const std::string source = planned.run.source.id();
    if (!is_needed[source]) std::filesystem::remove(paths.weights_file(source, planned.step));
  }
}

}  // namespace

std::vector<PlannedFisher> plan_fisher(const SweepSpec& spec, const std::vector<FisherRun>& runs, SweepInputs& inputs) {
  const ResultPaths paths(spec);
  check_pools(spec, inputs.catalogue(find_task(spec.tasks.front())));
  std::vector<PlannedFisher> planned_runs;
  for (const FisherRun& run : runs) {
    const TaskData& data = inputs.task(run.source.task);
    check_examples(run, data);
    PlannedFisher planned{.run = run, .id = run.id(), .warning = {}};
    const std::int64_t steps = total_steps(run.source.options, data.train.size());
    planned.step = std::llround(run.point * static_cast<double>(steps));
    if (std::filesystem::exists(paths.fisher)) adopt_from_sibling(spec, "fisher/" + planned.id + ".h5");
    look_up(planned, paths);
    planned_runs.push_back(std::move(planned));
  }
  return planned_runs;
}

std::vector<PlannedTrial> fisher_sources(const std::vector<PlannedFisher>& runs) {
  std::vector<PlannedTrial> sources;
  std::set<std::string> known;
  for (const PlannedFisher& planned : runs) {
    const std::string id = planned.run.source.id();
    if (planned.is_done || !known.insert(id).second) continue;
    sources.push_back({.trial = planned.run.source, .id = id, .error = {}, .warning = {}});
  }
  return sources;
}

bool lacks_weights(const SweepSpec& spec, const PlannedTrial& source, const std::vector<PlannedFisher>& runs) {
  const ResultPaths paths(spec);
  return std::any_of(runs.begin(), runs.end(), [&](const PlannedFisher& planned) {
    return !planned.is_done && planned.run.source.id() == source.id && !has_weights(paths, planned);
  });
}

TrialOutcome train_source(const RankContext& context, const PlannedTrial& source,
                          const std::vector<PlannedFisher>& runs, const ProgressReport& report) {
  const ResultPaths paths(context.spec);
  const ParameterCatalogue& catalogue = context.inputs.catalogue(find_task(source.trial.task));
  const std::vector<at::Tensor>& backbone = context.inputs.model().backbone;
  std::set<std::int64_t> steps;
  for (const PlannedFisher& planned : runs) {
    if (!planned.is_done && planned.run.source.id() == source.id) steps.insert(planned.step);
  }
  const auto save_weights = [&](std::int64_t step, const Parameters& parameters) {
    if (!steps.contains(step)) return;
    NamedTensors trained;
    for (ParameterIndex i = 0; i < parameters.size(); ++i) {
      const bool is_shared = i < backbone.size() && parameters[i].is_same(backbone[i]);
      if (!is_shared) trained.emplace_back(catalogue[i].name, parameters[i]);
    }
    write_safetensors(paths.weights_file(source.id, step), trained);
  };
  return run_and_record(source, context.inputs, paths, context.worker,
                        {.report = report, .stop = context.stop, .on_parameters = save_weights});
}

void compute_fisher_runs(const RankContext& context, Reducer& reducer, const std::vector<PlannedFisher>& runs,
                         const FisherObserver& observer) {
  const ResultPaths paths(context.spec);
  for (const PlannedFisher& planned : runs) {
    if (planned.is_done) continue;
    if (context.world.broadcast_integer(context.stop.is_set()) != 0) break;
    std::string error;
    if (context.world.rank() == 0 && !has_weights(paths, planned)) {
      error = "its training (trial " + planned.run.source.id() + ") left no weights at step " +
              std::to_string(planned.step) + ": it diverged or failed";
    }
    error = context.world.broadcast(error);
    if (error.empty()) {
      try {
        compute(context, reducer, planned, observer);
      } catch (const NumericalError& caught) {  // on every rank
        error = caught.what();
      }
    }
    if (!error.empty() && context.world.rank() == 0) observer.on_failure(planned, error);
  }
  if (context.world.rank() == 0) remove_measured_weights(paths, runs);
}

}  // namespace tunescope
