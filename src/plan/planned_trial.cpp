#include "tunescope/plan/planned_trial.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "tunescope/plan/cost.hpp"

namespace tunescope {

std::vector<PlannedTrial> list_trials(const SweepSpec& spec, const InputHashes& hashes) {
  std::vector<PlannedTrial> trials;
  for (Trial& trial : expand_trials(spec, hashes)) {
    const std::string id = trial.id();
    trials.push_back({.trial = std::move(trial), .id = id});
  }
  return trials;
}

PlannedTrial plan_trial(const Trial& trial, SweepInputs& inputs) {
  const TaskData& data = inputs.task(trial.task);
  return {.trial = trial,
          .id = trial.id(),
          .flops = expected_flops(trial, inputs.pass_costs(), data),
          .added_bytes = expected_added_bytes(trial, inputs.pass_costs(), data),
          .group = co_training_group(trial.method, inputs.catalogue(*data.task))};
}

std::vector<PlannedTrial> plan_trials(const SweepSpec& spec, const InputHashes& hashes, SweepInputs& inputs) {
  std::vector<PlannedTrial> trials = list_trials(spec, hashes);
  // Learning rate and seed make no difference to what is expected.
  std::map<std::pair<std::string, std::string>, PlannedTrial> expected;
  for (PlannedTrial& planned : trials) {
    const auto [known, is_new] = expected.try_emplace({planned.trial.task, planned.trial.method.text()});
    if (is_new) known->second = plan_trial(planned.trial, inputs);
    planned.flops = known->second.flops;
    planned.added_bytes = known->second.added_bytes;
    planned.group = known->second.group;
  }
  return trials;
}

void sort_longest_first(TrialIndices& order, const std::vector<PlannedTrial>& trials) {
  std::stable_sort(order.begin(), order.end(),
                   [&](TrialIndex a, TrialIndex b) { return trials[a].flops > trials[b].flops; });
}

bool is_complete(const std::vector<PlannedTrial>& trials) {
  return std::ranges::all_of(trials, &PlannedTrial::is_finished);
}

}  // namespace tunescope
