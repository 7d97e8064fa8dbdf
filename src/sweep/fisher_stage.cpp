#include "tunescope/sweep/fisher_stage.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>

#include "tunescope/atomic_file.hpp"
#include "tunescope/error.hpp"
#include "tunescope/fisher/diagonal.hpp"
#include "tunescope/hostname.hpp"
#include "tunescope/model/safetensors.hpp"
#include "tunescope/results/fisher_record.hpp"
#include "tunescope/sweep/fisher_checkpoint.hpp"
#include "tunescope/sweep/fisher_sources.hpp"
#include "tunescope/train/trainer.hpp"

namespace tunescope {
namespace {

constexpr int kTagFisherStop = 4;

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
    planned.warning = std::string(error.what()) + "; the Fisher run is computed again" + remedy_for(file);
  }
}

// The weights that a run measures: the initial ones, replaced by what the training left.
Parameters load_weights(const RankContext& context, const PlannedFisher& planned, const ParameterCatalogue& catalogue) {
  Parameters parameters = with_new_head(context.inputs.model(), catalogue, planned.run.source.seed);
  if (planned.step == 0) return parameters;
  const std::filesystem::path path = ResultPaths(context.spec).weights_file(planned.run.source.id(), planned.step);
  wait_for_file(path);
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

// Tells the other ranks of a stop, once, and hears of theirs, while all work on their shares of a run.
class StopNews {
 public:
  StopNews(const Communicator& world, StopRequest& stop) : world_(world), stop_(stop) {}

  // After the run's last collective, when every message has been sent: none is left over for the next run.
  ~StopNews() { receive_all(); }
  StopNews(const StopNews&) = delete;
  StopNews& operator=(const StopNews&) = delete;

  void exchange() {
    if (receive_all()) stop_.set();
    if (!stop_.is_set() || has_told_) return;
    has_told_ = true;
    for (int rank = 0; rank < world_.size(); ++rank) {
      if (rank != world_.rank()) world_.send(std::int64_t{1}, rank, kTagFisherStop);
    }
  }

 private:
  bool receive_all() const {
    bool has_any = false;
    while (const std::optional<int> sender = world_.probe(kTagFisherStop)) {
      world_.receive<std::int64_t>(*sender, kTagFisherStop);
      has_any = true;
    }
    return has_any;
  }

  const Communicator& world_;
  StopRequest& stop_;
  bool has_told_ = false;
};

// Collective. Rank 0 writes the file.
void compute(const RankContext& context, Reducer& reducer, std::size_t number, const PlannedFisher& planned,
             const FisherObserver& observer) {
  const auto begin = std::chrono::steady_clock::now();
  const bool is_first = context.world.rank() == 0;
  const ResultPaths paths(context.spec);
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
  const FisherCheckpoint checkpoint(paths.fisher_checkpoint(planned.id, context.world.rank(), context.world.size()),
                                    catalogue, inputs.is_wanted);
  const std::optional<FisherState> saved = checkpoint.load();
  const auto seconds = [&] {
    const std::chrono::duration<double> here = std::chrono::steady_clock::now() - begin;
    return (saved ? saved->seconds : 0.0) + here.count();
  };
  CheckpointClock clock(context.worker.checkpoint_seconds, context.stop);
  StopNews news(context.world, context.stop);
  const auto measured = fisher_information(inputs, context.world, reducer,
                                           {.on_progress =
                                                [&](std::int64_t done, std::int64_t of) {
                                                  if (is_first) observer.on_progress(number, done, of);
                                                },
                                            .next_action =
                                                [&] {
                                                  news.exchange();
                                                  return clock.next_action();
                                                },
                                            .save =
                                                [&](FisherState state) {
                                                  state.seconds = seconds();
                                                  checkpoint.save(state);
                                                },
                                            .resume = saved ? &*saved : nullptr});
  if (!measured) {
    context.stop.set();
    return;
  }
  if (is_first) {
    FisherRecord record{.row = describe(planned, context, reducer.name()),
                        .axes = MapAxes::of(catalogue),
                        .maps = FisherMaps::of(catalogue, measured->diagonal),
                        .profiles = FisherProfiles::of(catalogue, measured->scales),
                        .diagonal = kept_diagonal(measured->diagonal, catalogue, planned.run.keep)};
    record.row.examples = dataset.size();
    record.row.wall_seconds = seconds();
    write_fisher(paths.fisher_file(planned.id), record);
    std::filesystem::remove_all(paths.checkpoints / planned.id);
    observer.on_finish(number, record.row.wall_seconds);
  }
  context.world.barrier();
}

}  // namespace

std::int64_t step_of(const FisherRun& run, SweepInputs& inputs) {
  const std::int64_t steps = total_steps(run.source.options, inputs.task(run.source.task).train.size());
  return std::llround(run.point * static_cast<double>(steps));
}

std::int64_t examples_of(const FisherRun& run, SweepInputs& inputs) {
  return run.examples > 0 ? run.examples : inputs.task(run.source.task).train.size();
}

std::vector<PlannedFisher> plan_fisher(const SweepSpec& spec, const std::vector<FisherRun>& runs, SweepInputs& inputs) {
  check_pools(spec, inputs.catalogue(find_task(spec.tasks.front())));
  std::vector<PlannedFisher> planned_runs;
  for (const FisherRun& run : runs) {
    check_examples(run, inputs.task(run.source.task));
    planned_runs.push_back({.run = run, .id = run.id(), .step = step_of(run, inputs), .warning = {}});
  }
  return planned_runs;
}

void find_stored_fisher(const SweepSpec& spec, std::vector<PlannedFisher>& runs) {
  const ResultPaths paths(spec);
  const bool has_folder = std::filesystem::exists(paths.fisher);
  for (PlannedFisher& planned : runs) {
    if (planned.is_done) continue;
    if (has_folder) adopt_from_sibling(spec, "fisher/" + planned.id + ".h5");
    look_up(planned, paths);
  }
}

void compute_fisher_runs(const RankContext& context, Reducer& reducer, const std::vector<PlannedFisher>& runs,
                         const FisherObserver& observer) {
  const ResultPaths paths(context.spec);
  const bool is_first = context.world.rank() == 0;
  for (std::size_t number = 0; number < runs.size(); ++number) {
    const PlannedFisher& planned = runs[number];
    if (planned.is_done) continue;
    // Rank 0 decides for all; the stop of another rank counts inside the run.
    if (context.world.broadcast_integer(context.stop.is_set()) != 0) {
      context.stop.set();
      break;
    }
    std::string error = context.world.broadcast(is_first ? why_not_measurable(paths, planned) : "");
    if (error.empty()) {
      try {
        compute(context, reducer, number, planned, observer);
      } catch (const NumericalError& caught) {  // on every rank
        error = caught.what();
      }
    }
    if (!error.empty() && is_first) observer.on_failure(number, error);
  }
}

}  // namespace tunescope
