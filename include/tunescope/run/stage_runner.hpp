#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "tunescope/parallel/reducer.hpp"
#include "tunescope/plan/sweep_plan.hpp"
#include "tunescope/run/trial_stage.hpp"

namespace tunescope {

/// Carries out the stages of a plan on all ranks, see `carry_out`. Several sweeps may share a folder: each trial, and
/// the Fisher stage as a whole, belongs to whoever has claimed it, and everything is looked up once more before it is
/// done. Functions that return a bool return false if they were stopped.
class StageRunner {
 public:
  /// `trials` are the job's; what is stored of them is kept up to date on rank 0.
  StageRunner(RankTeam& team, const RankContext& rank, RunListener& listener, std::vector<PlannedTrial>& trials);

  bool train(const TrialIndices& order);
  bool take_turn();
  bool train_measured(const std::vector<PlannedTrial>& trainings);
  bool measure();
  void end_turn();
  bool train_chosen();

  /// Waits for trials that other sweeps have taken, and trains those that they leave unfinished.
  bool wait_for_other_sweeps();

  /// How the first trials have ended, on rank 0; those that an earlier sweep finished count. If they show that
  /// something is broken, the functions above were stopped.
  const FailureWatch& failures() const { return failures_; }  // local

 private:
  void open_reducer();
  void pause() const;  // local

  RankTeam& team_;
  const RankContext& rank_;
  RunListener& listener_;
  std::vector<PlannedTrial>& trials_;
  FailureWatch failures_;
  TrialIndices elsewhere_;            // taken by other sweeps
  std::optional<Claim> turn_;         // on rank 0
  std::unique_ptr<Reducer> reducer_;  // from the first look at pending Fisher runs to the end of the turn
};

}  // namespace tunescope
