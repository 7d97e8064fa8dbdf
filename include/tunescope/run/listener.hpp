#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tunescope/plan/planned_fisher.hpp"
#include "tunescope/plan/planned_trial.hpp"
#include "tunescope/results/screening_record.hpp"
#include "tunescope/schedule/failure_watch.hpp"
#include "tunescope/schedule/trial_queue.hpp"

namespace tunescope {

/// What a run tells whoever follows it, on rank 0 and one call at a time. Every function does nothing unless it is
/// overridden.
class RunListener {
 public:
  virtual ~RunListener() = default;

  virtual void on_note(const std::string& /*text*/) {}
  virtual void on_warning(const std::string& /*text*/) {}

  /// A sweep begins; the status of its trials has been loaded.
  virtual void on_sweep(const std::vector<PlannedTrial>& /*trials*/) {}
  /// Learning rates were chosen: all rates of each task and method for which they were.
  virtual void on_screening(const std::vector<ScreenedRate>& /*rates*/) {}
  /// Trials are going to be trained, in this order, until `on_trials_end`; until then `trials` stays as it is.
  virtual void on_trials(const std::vector<PlannedTrial>& /*trials*/, const TrialIndices& /*order*/) {}
  virtual void on_trial_start(TrialIndex /*trial*/) {}
  virtual void on_trial_progress(TrialIndex /*trial*/, std::int64_t /*step*/, std::int64_t /*steps*/) {}
  virtual void on_trial_end(TrialIndex /*trial*/, const TrialSummary& /*summary*/) {}
  virtual void on_trials_end() {}
  /// Nothing is left to train here but trials that another sweep has taken.
  virtual void on_waiting(std::size_t /*trials*/) {}

  /// The run ends, because all of its first trials failed, most of them with this error.
  virtual void on_broken(std::size_t /*trials*/, const CommonError& /*error*/) {}

  /// The trained models of so many trials are going to be ablated.
  virtual void on_ablation(std::size_t /*trials*/) {}
  virtual void on_ablated(const PlannedTrial& /*planned*/) {}

  /// Fisher runs are looked at; `reducer` names what sums over ranks.
  virtual void on_fisher_stage(const std::vector<PlannedFisher>& /*runs*/, std::string_view /*reducer*/) {}
  /// Pending Fisher runs are going to be computed in this order, until `on_fisher_runs_end`.
  virtual void on_fisher_runs(const std::vector<PlannedFisher>& /*pending*/) {}
  /// `done` and `total` micro-batches are of rank 0's share; the other ranks have as many.
  virtual void on_fisher_progress(std::size_t /*run*/, std::int64_t /*done*/, std::int64_t /*total*/) {}
  /// `error` is empty if the run is done.
  virtual void on_fisher_end(std::size_t /*run*/, double /*seconds*/, const std::string& /*error*/) {}
  virtual void on_fisher_runs_end() {}
};

}  // namespace tunescope
