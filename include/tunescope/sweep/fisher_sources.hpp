#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tunescope/sweep/fisher_stage.hpp"
#include "tunescope/sweep/recorded_trial.hpp"

namespace tunescope {

/// The trainings whose weights the pending of these runs measure, each once, with their costs.
std::vector<PlannedTrial> fisher_sources(const std::vector<PlannedFisher>& runs, SweepInputs& inputs);

/// Whether a source has still to be trained: it was cut, or pending runs measure weights that it has not left. A
/// training that is known to have diverged before is not repeated.
bool has_to_train(const SweepSpec& spec, const PlannedTrial& source, const std::vector<PlannedFisher>& runs);

/// Waits until this rank sees the weights that a training has left for pending runs, or what another sweep has measured
/// on them; see `wait_for_file`.
void wait_for_weights(const SweepSpec& spec, const PlannedTrial& trained, const std::vector<PlannedFisher>& runs);

/// Starts to train a trial, which leaves its weights at the steps at which pending runs measure them. All arguments but
/// `report` must outlive it.
std::unique_ptr<RecordedTrial> start_trial(const RankContext& context, const ResultPaths& paths,
                                           const PlannedTrial& planned, const std::vector<PlannedFisher>& runs,
                                           const ProgressReport& report);

/// Whether a trial's method chooses by a pending run.
bool chooses_by_pending(const Trial& trial, const std::vector<PlannedFisher>& runs);

/// Why a run's source has left no weights to measure; empty where they are there.
std::string why_not_measurable(const ResultPaths& paths, const PlannedFisher& planned);

/// Weights are large: removes those that no run of the job, of its methods or its grid, has still to measure.
void remove_measured_weights(const SweepSpec& spec, const InputHashes& hashes, SweepInputs& inputs);

}  // namespace tunescope
