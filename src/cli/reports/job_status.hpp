#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "cli/display/trial_counts.hpp"
#include "cli/reports/json.hpp"
#include "tunescope/plan/planned_trial.hpp"
#include "tunescope/storage/progress_file.hpp"

namespace tunescope::cli {

/// What a rank is at work on.
struct RunningTrial {
  TrialProgress progress;
  std::optional<Trial> trial;          ///< nothing for a training that only Fisher runs measure
  std::optional<double> seconds_left;  ///< at its speed so far; nothing until that is known
};

/// What `tunescope status` tells of a job.
struct JobStatus {
  std::string job;
  TrialCounts counts;
  std::size_t waiting_for_screening = 0;  ///< of the missing: screening has still to choose their learning rates
  bool is_sweep_at_work = false;
  std::vector<RunningTrial> running;
  std::vector<PlannedTrial> unsuccessful;  ///< failed or diverged, with the error
  std::vector<std::string> warnings;       ///< of files that do not count

  /// Whether it stays as it is until somebody starts a sweep.
  bool is_final() const { return counts.to_run() == 0 || !is_sweep_at_work; }
};

/// Looks up where a job stands now.
JobStatus look_up_status(const SweepSpec& spec, const InputHashes& hashes);

/// The lines that the command prints.
std::string text_of(const JobStatus& status);
/// The object that docs/scripts.md describes.
Json json_of(const JobStatus& status);

}  // namespace tunescope::cli
