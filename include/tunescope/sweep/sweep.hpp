#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "tunescope/sweep/inputs.hpp"
#include "tunescope/sweep/spec.hpp"
#include "tunescope/sweep/trial.hpp"

namespace tunescope {

/// What the results folder holds of a trial.
enum class StoredState { kMissing, kDone, kDiverged, kFailed };

/// A trial of a job and where it stands.
struct PlannedTrial {
  Trial trial;
  std::string id;
  StoredState state = StoredState::kMissing;
  bool has_checkpoint = false;
  std::string error;                           ///< of a failed or diverged trial
  std::string warning;                         ///< why a file that exists does not count
  double flops = 0.0;                          ///< expected, see `expected_flops`
  double lane_bytes = 0.0;                     ///< expected, see `expected_lane_bytes`
  std::optional<std::size_t> lane_group = {};  ///< see `lane_group`
  double seconds = 0.0;                        ///< that it took, where it is stored
};

/// The paths of a job's results.
struct ResultPaths {
  explicit ResultPaths(const SweepSpec& spec);
  std::filesystem::path trials, failed, checkpoints, fisher, weights, log, job, inputs, lock, running, merged;
  std::filesystem::path trial_file(const std::string& id) const { return trials / (id + ".h5"); }
  std::filesystem::path failed_file(const std::string& id) const { return failed / (id + ".h5"); }
  std::filesystem::path fisher_file(const std::string& id) const { return fisher / (id + ".h5"); }
  /// The state of an unfinished trial, and the one before it.
  std::filesystem::path checkpoint(const std::string& id) const { return checkpoints / id / "latest.safetensors"; }
  std::filesystem::path previous_checkpoint(const std::string& id) const {
    return checkpoints / id / "previous.safetensors";
  }
  /// The state of one rank's share of an unfinished Fisher run.
  std::filesystem::path fisher_checkpoint(const std::string& id, int rank, int ranks) const {
    return checkpoints / id / ("rank-" + std::to_string(rank) + "-of-" + std::to_string(ranks) + ".safetensors");
  }
  /// The weights that a trial's training had after `step` steps; kept until they have been measured.
  std::filesystem::path weights_file(const std::string& trial, std::int64_t step) const {
    return weights / (trial + "-" + std::to_string(step) + ".safetensors");
  }
};

/// Makes the results folders. Throws `EnvironmentError` where they cannot be written.
void prepare_results_folder(const ResultPaths& paths);

/// A trial to run with what is expected of it; nothing is looked up.
PlannedTrial plan_trial(const Trial& trial, SweepInputs& inputs);

/// Every trial of the job with its cost; nothing is looked up.
std::vector<PlannedTrial> plan_trials(const SweepSpec& spec, const InputHashes& hashes, SweepInputs& inputs);

/// Removes checkpoints that are older than the file of their trial or Fisher run: a kill came between the two. Newer
/// ones are of a training that is done again, for weights that a Fisher run lacks or because the file is damaged.
void remove_spent_checkpoints(const ResultPaths& paths);

/// Looks up what is stored of planned trials. A finished trial of another job in the same results folder counts: it is
/// linked into this job's.
void find_stored_trials(const SweepSpec& spec, std::vector<PlannedTrial>& trials);

/// What else a user can do about a file that does not count, as the end of a sentence; empty where there is nothing.
std::string remedy_for(const std::filesystem::path& file);

/// Looks up what is stored of one trial.
void find_stored_trial(const ResultPaths& paths, PlannedTrial& planned);

/// Every trial of the job with what is stored of it, without costs and without linking: for looking at a job while it
/// runs.
std::vector<PlannedTrial> stored_trials(const SweepSpec& spec, const InputHashes& hashes);

/// Indices of trials in the order in which they are handed out: the longest expected first.
using Order = std::vector<std::size_t>;
void sort_longest_first(Order& order, const std::vector<PlannedTrial>& trials);

/// How a rank trains.
struct WorkerOptions {
  at::Device device = at::kCPU;
  int rank = 0;
  int threads = 1;
  bool threads_are_given = false;   ///< by the job or the environment, not from the number of cores
  std::int64_t retries = 0;         ///< of a trial that ends with an exception
  double checkpoint_seconds = 0.0;  ///< between checkpoints; 0 = only where a trial is stopped
  std::int64_t lanes = 1;           ///< trials trained together; 0 = as many as pay
  double lane_memory = 0.0;         ///< bytes that they may take together
  int node_ranks = 1;
  int node_cores = 1;  ///< that its ranks may use
};

/// Hard-links, or copies where the filesystem has no links, a finished file of another job in the same results folder;
/// `file` is relative to a job's folder.
void adopt_from_sibling(const SweepSpec& spec, const std::filesystem::path& file);

/// What a Fisher method of this trial chooses by; empty for other methods. Throws `Error` where a run is missing.
std::vector<ScalarScores> load_scores(const Trial& trial, const ParameterCatalogue& catalogue,
                                      const ResultPaths& paths);

/// Whether a trial is done or diverged.
inline bool is_finished(const PlannedTrial& planned) {
  return planned.state == StoredState::kDone || planned.state == StoredState::kDiverged;
}
/// Whether all are.
bool is_complete(const std::vector<PlannedTrial>& trials);

}  // namespace tunescope
