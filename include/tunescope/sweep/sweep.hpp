#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tunescope/sweep/inputs.hpp"
#include "tunescope/sweep/scheduler.hpp"
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
  std::string error;    ///< of a failed or diverged trial
  std::string warning;  ///< why a file that exists does not count
  double flops = 0.0;   ///< expected, see `expected_flops`
};

/// The paths of a job's results.
struct ResultPaths {
  explicit ResultPaths(const SweepSpec& spec);
  std::filesystem::path trials, failed, log, job, merged;
  std::filesystem::path trial_file(const std::string& id) const { return trials / (id + ".h5"); }
  std::filesystem::path failed_file(const std::string& id) const { return failed / (id + ".h5"); }
};

/// Makes the results folders. Throws `ConfigError` where they cannot be written.
void prepare_results_folder(const ResultPaths& paths);

/// Every trial of the job with what is stored of it. A finished trial of another job in the same results folder counts:
/// it is linked into this job's.
std::vector<PlannedTrial> plan_trials(const SweepSpec& spec, const InputHashes& hashes, SweepInputs& inputs);

/// Without the costs and without linking: for looking at a job while it runs.
std::vector<PlannedTrial> stored_trials(const SweepSpec& spec, const InputHashes& hashes);

/// How a rank trains.
struct WorkerOptions {
  at::Device device = at::kCPU;
  int rank = 0;
  int threads = 1;
};

/// Trains one trial and writes its file; an exception of the training becomes a `failed` file.
TrialOutcome run_and_record(const PlannedTrial& planned, SweepInputs& inputs, const ResultPaths& paths,
                            const WorkerOptions& worker, const ProgressReport& report);

/// Writes the merged file from all that is stored. Returns whether every trial is done or diverged.
bool merge_results(const SweepSpec& spec, const std::vector<PlannedTrial>& trials);

}  // namespace tunescope
