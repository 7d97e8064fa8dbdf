#pragma once

#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "tunescope/plan/inputs.hpp"
#include "tunescope/plan/trial.hpp"
#include "tunescope/train/trial_end.hpp"

namespace tunescope {

/// What the results folder holds of a trial.
struct StoredTrial {
  std::optional<TrialEnd> end = {};  ///< done, diverged or failed; nothing if no file counts
  bool has_checkpoint = false;
  double seconds = 0.0;  ///< that it took
  double selection_score =
      std::numeric_limits<double>::quiet_NaN();  ///< by which learning rates are compared; NaN if there is none
  std::string error = {};                        ///< of a failed or diverged trial
  std::string warning = {};                      ///< why a file that exists does not count

  /// Whether it is done or diverged.
  bool is_finished() const { return end && is_final(*end); }
};

/// A trial of a job, what is expected of it, and where it stands.
struct PlannedTrial {
  Trial trial;
  std::string id;
  double flops = 0.0;                     ///< expected, see `expected_flops`
  double added_bytes = 0.0;               ///< expected, see `expected_added_bytes`
  std::optional<std::size_t> group = {};  ///< trials of one group may be co-trained, see `co_training_group`
  StoredTrial stored = {};                ///< filled by `load_status`, but not for stand-ins
  bool is_stand_in = false;               ///< for a trial whose learning rate screening has still to choose

  /// Whether it is done or diverged.
  bool is_finished() const { return stored.is_finished(); }
};

/// A trial by its place in the list of a job's trials.
using TrialIndex = std::size_t;
using TrialIndices = std::vector<TrialIndex>;

/// A trial with what is expected of it.
PlannedTrial plan_trial(const Trial& trial, SweepInputs& inputs);

/// Every trial of the job with what is expected of it.
std::vector<PlannedTrial> plan_trials(const SweepSpec& spec, const InputHashes& hashes, SweepInputs& inputs);

/// Every trial of the job without costs: for looking at a job while it runs.
std::vector<PlannedTrial> list_trials(const SweepSpec& spec, const InputHashes& hashes);

/// Sorts by expected work, the longest first: the order in which trials are assigned.
void sort_longest_first(TrialIndices& order, const std::vector<PlannedTrial>& trials);

/// Whether all are finished.
bool is_complete(const std::vector<PlannedTrial>& trials);

}  // namespace tunescope
