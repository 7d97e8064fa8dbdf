#pragma once

#include <vector>

#include "tunescope/plan/planned_fisher.hpp"
#include "tunescope/plan/planned_trial.hpp"

namespace tunescope {

/// What a sweep has to do, in stages: one begins when the one before it has ended on all ranks. Trials that need no
/// Fisher information come before it is computed, so that the few trainings that it measures leave no rank idle: most
/// of them are among those trials. Trials whose learning rate screening chooses come last.
struct SweepPlan {
  TrialIndices independent;                      ///< unfinished trials that choose by no pending Fisher run
  std::vector<PlannedTrial> measured_trainings;  ///< trainings whose weights the Fisher runs measure
  std::vector<PlannedFisher> fisher_runs;        ///< that are not done
  TrialIndices dependent;                        ///< unfinished trials that do
  TrialIndices stand_ins = {};                   ///< for trials of the rates that are chosen when all before have ended
};

/// The plan of a job whose status has been loaded. Trials of a stage are in the order in which they are assigned.
SweepPlan plan_sweep(const std::vector<PlannedTrial>& trials, const std::vector<PlannedFisher>& fisher,
                     SweepInputs& inputs);

/// Carries out the stages of a plan in their order. This is the only place that knows the order: `StageRunner` carries
/// it out on all ranks, `simulate_sweep` plays it. `Executor` has
///
///     bool train(const TrialIndices&);                  // the job's trials
///     bool take_turn();                                 // one sweep of a shared folder at a time measures
///     bool train_measured(const std::vector<PlannedTrial>&);
///     bool measure();                                   // the Fisher runs
///     void end_turn();
///     bool train_chosen();                              // chooses learning rates and trains with them
///
/// which return false if they were stopped before their end; the same is returned for the whole.
template <typename Executor>
bool carry_out(const SweepPlan& plan, Executor& executor) {
  if (!executor.train(plan.independent)) return false;
  if (!plan.fisher_runs.empty()) {
    if (!executor.take_turn()) return false;
    const bool is_measured = executor.train_measured(plan.measured_trainings) && executor.measure();
    executor.end_turn();
    if (!is_measured) return false;
  }
  if (!executor.train(plan.dependent)) return false;
  return plan.stand_ins.empty() || executor.train_chosen();
}

}  // namespace tunescope
