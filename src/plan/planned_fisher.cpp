#include "tunescope/plan/planned_fisher.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "tunescope/base/error.hpp"
#include "tunescope/train/trainer.hpp"

namespace tunescope {
namespace {

bool contains(const std::string& pool, const std::vector<ParameterIndex>& tensors,
              const ParameterCatalogue& catalogue) {
  const std::vector<bool> members = group_members(pool, catalogue);
  return std::ranges::all_of(tensors, [&](ParameterIndex i) { return members[i]; });
}

void check_pools(const SweepSpec& spec, const ParameterCatalogue& catalogue) {
  const FisherSpec& fisher = spec.fisher;
  if (!contains(fisher.parameters, group_tensors(fisher.keep, catalogue), catalogue)) {
    throw ConfigError(fmt::format("[fisher] keep = {} has tensors that [fisher] parameters = {} does not measure",
                                  fisher.keep, fisher.parameters));
  }
  for (const Method& method : spec.methods) {
    const MethodPart* const part = method.fisher_part();
    if (part == nullptr || contains(fisher.keep, candidate_tensors(*part, catalogue), catalogue)) continue;
    throw ConfigError(
        fmt::format("method '{}' chooses from pool {}, but [fisher] keep = {}; set parameters and keep in "
                    "[fisher] to a pool that has all of it, such as all",
                    method.text(), part->options.at("pool"), fisher.keep));
  }
}

void check_examples(const FisherRun& run, const TaskData& data) {
  if (run.examples <= data.train.size()) return;
  throw ConfigError(
      fmt::format("[fisher] examples = {}, but task {} has {} training examples; choose fewer, or 0 for "
                  "all",
                  run.examples, run.training.task, data.train.size()));
}

}  // namespace

std::int64_t measured_step(const FisherRun& run, SweepInputs& inputs) {
  const std::int64_t steps = total_steps(run.training.options, inputs.task(run.training.task).train.size());
  return std::llround(run.point * static_cast<double>(steps));
}

std::vector<PlannedFisher> plan_fisher(const SweepSpec& spec, const std::vector<FisherRun>& runs, SweepInputs& inputs) {
  check_pools(spec, inputs.catalogue(spec.find_task(spec.tasks.front())));
  std::vector<PlannedFisher> planned_runs;
  for (const FisherRun& run : runs) {
    const TaskData& data = inputs.task(run.training.task);
    check_examples(run, data);
    planned_runs.push_back({.run = run,
                            .id = run.id(),
                            .training = run.training.id(),
                            .step = measured_step(run, inputs),
                            .examples = run.examples > 0 ? run.examples : data.train.size()});
  }
  return planned_runs;
}

std::vector<PlannedFisher> pending_of(std::vector<PlannedFisher> runs) {
  std::erase_if(runs, [](const PlannedFisher& planned) { return planned.is_done; });
  return runs;
}

std::vector<PlannedTrial> measured_trainings(const std::vector<PlannedFisher>& runs, SweepInputs& inputs) {
  std::vector<PlannedTrial> trainings;
  std::set<std::string> known;
  for (const PlannedFisher& planned : runs) {
    if (planned.is_done || !known.insert(planned.training).second) continue;
    trainings.push_back(plan_trial(planned.run.training, inputs));
  }
  return trainings;
}

bool depends_on_pending_fisher(const Trial& trial, const std::vector<PlannedFisher>& runs) {
  return std::ranges::any_of(runs, [&](const PlannedFisher& planned) {
    return !planned.is_done && std::ranges::find(trial.fisher_runs, planned.id) != trial.fisher_runs.end();
  });
}

}  // namespace tunescope
