#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/display/trial_counts.hpp"
#include "cli/reports/json.hpp"
#include "tunescope/model/network.hpp"
#include "tunescope/plan/core_split.hpp"

namespace tunescope::cli {

/// What was recognized in the model's folder.
struct PlannedModel {
  std::string_view architecture;
  NetworkLimits limits;
  std::int64_t parameters = 0;  ///< without a head
  std::string tokenizer;
  std::vector<std::string> notes;  ///< on what is not ordinary
};

/// The trials of one task and method.
struct PlannedMethod {
  std::string task, method;
  TrialCounts counts;
  std::int64_t trainable = 0;     ///< scalars, with the head
  double flops = 0.0;             ///< of a trial
  double bytes = 0.0;             ///< of a rank that trains one of them
  std::optional<double> seconds;  ///< of a trial; nothing if nothing was measured

  /// Of all that are to be trained.
  std::optional<double> device_seconds() const;
};

/// How many trials screening leaves.
struct PlannedScreening {
  std::size_t seeds = 0, all_seeds = 0, keep = 0;
  std::size_t trials = 0, grid = 0;  ///< that are trained, and that would be without
};

/// What is done with the trained models at the end.
struct PlannedAblation {
  std::size_t models = 0, groups = 0;  ///< the groups of the job, without the head
};

/// The Fisher runs that methods choose by.
struct PlannedMeasurements {
  std::size_t runs = 0, pending = 0;
  double device_seconds = 0.0;  ///< of the pending, as far as it is known
};

/// A sweep that was played.
struct PlayedSweep {
  std::int64_t devices = 0;
  std::size_t at_once = 0;  ///< trials on a device, at most
  double seconds = 0.0, lower_bound = 0.0;
  bool is_rate_assumed = false;  ///< because nothing was measured
  // How many of each, in the order in which they are done.
  std::size_t independent_trials = 0, measured_trainings = 0, fisher_runs = 0, dependent_trials = 0, stand_ins = 0;
};

/// How to start the sweep on this machine: one rank per GPU, or this split of its cores.
struct BestStart {
  int gpus = 0;
  CoreSplit split = {};
};

/// What `tunescope plan` tells of a job.
struct JobPlan {
  std::string job;
  std::filesystem::path results;
  PlannedModel model;
  TrialCounts counts;
  std::vector<PlannedMethod> methods;
  double flops = 0.0;           ///< of all trials that are to be trained
  double device_seconds = 0.0;  ///< of these, as far as it is known
  bool has_times = false;       ///< whether anything was measured
  std::optional<PlannedScreening> screening = {};
  std::optional<PlannedMeasurements> fisher = {};
  std::optional<PlannedAblation> ablation = {};
  std::optional<PlayedSweep> simulation = {};
  std::optional<BestStart> best_start = {};  ///< nothing if nothing is to be trained, or this machine cannot
};

/// The lines that the command prints.
std::string text_of(const JobPlan& plan);
/// The object that docs/scripts.md describes.
Json json_of(const JobPlan& plan);

}  // namespace tunescope::cli
