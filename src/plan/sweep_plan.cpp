#include "tunescope/plan/sweep_plan.hpp"

namespace tunescope {

SweepPlan plan_sweep(const std::vector<PlannedTrial>& trials, const std::vector<PlannedFisher>& fisher,
                     SweepInputs& inputs) {
  SweepPlan plan{.independent = {},
                 .measured_trainings = measured_trainings(fisher, inputs),
                 .fisher_runs = pending_of(fisher),
                 .dependent = {}};
  for (TrialIndex i = 0; i < trials.size(); ++i) {
    if (trials[i].is_finished()) continue;
    (depends_on_pending_fisher(trials[i].trial, fisher) ? plan.dependent : plan.independent).push_back(i);
  }
  sort_longest_first(plan.independent, trials);
  sort_longest_first(plan.dependent, trials);
  return plan;
}

}  // namespace tunescope
