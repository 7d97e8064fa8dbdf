#include "tunescope/plan/sweep_plan.hpp"

namespace tunescope {

SweepPlan plan_sweep(const std::vector<PlannedTrial>& trials, const std::vector<PlannedFisher>& fisher,
                     SweepInputs& inputs) {
  SweepPlan plan{.independent = {},
                 .measured_trainings = measured_trainings(fisher, inputs),
                 .fisher_runs = pending_of(fisher),
                 .dependent = {}};
  const auto stage_of = [&](const PlannedTrial& planned) -> TrialIndices& {
    if (planned.is_stand_in) return plan.stand_ins;
    return depends_on_pending_fisher(planned.trial, fisher) ? plan.dependent : plan.independent;
  };
  for (TrialIndex i = 0; i < trials.size(); ++i) {
    if (!trials[i].is_finished()) stage_of(trials[i]).push_back(i);
  }
  sort_longest_first(plan.independent, trials);
  sort_longest_first(plan.dependent, trials);
  sort_longest_first(plan.stand_ins, trials);
  return plan;
}

}  // namespace tunescope
