#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "tunescope/model/pretrained.hpp"
#include "tunescope/plan/planned_fisher.hpp"
#include "tunescope/storage/job_folder.hpp"

namespace tunescope {

// The weights that trainings leave for Fisher runs to measure: on disk from the step that is measured until the last
// run that measures them is done. They are large, so no others are kept.

/// Writes the tensors of a trial that differ from the model's, at the steps at which pending runs measure weights that
/// are not on disk yet. The arguments must outlive it.
class WeightsWriter {
 public:
  WeightsWriter(const JobFolder& folder, const std::string& trial, const std::vector<PlannedFisher>& runs);

  /// The first step whose weights are missing; a training that is to leave them must not resume from there or later.
  std::int64_t first_missing_step() const;
  bool is_complete() const { return missing_.empty(); }
  /// Called after each step. `catalogue` has, behind the tensors of the model, those that the trial adds.
  void write(std::int64_t step, const Parameters& parameters, const PretrainedModel& model,
             const ParameterCatalogue& catalogue) const;

 private:
  const JobFolder& folder_;
  const std::string& trial_;
  const std::vector<PlannedFisher>& runs_;
  std::set<std::int64_t> missing_;
};

/// Whether a measured training has still to be trained: it was interrupted, or a pending run needs weights that are not
/// on disk. A training that is known to have diverged before is not repeated.
bool needs_training(const JobFolder& folder, const std::string& trial, const std::vector<PlannedFisher>& runs);

/// Waits until this rank sees the weights that a training has left for pending runs, or what another sweep has measured
/// on them; see `wait_for_file`.
void wait_for_weights(const JobFolder& folder, const std::string& trial, const std::vector<PlannedFisher>& runs);

/// Why a run's training has left no weights to measure; empty if they are there.
std::string missing_weights_reason(const JobFolder& folder, const PlannedFisher& planned);

/// The weights that a run measures, on the model's device: the initial ones, replaced by what the training left, and
/// behind them the tensors that the training has added, as in `Additions::catalogue`. Throws `DataError` if an earlier
/// build left the weights without those.
Parameters load_measured_weights(const JobFolder& folder, const PlannedFisher& planned, const PretrainedModel& model,
                                 const ParameterCatalogue& catalogue, const Additions& additions);

/// Removes the weights that no run of the job, of its methods or its grid, has still to measure.
void remove_measured_weights(const SweepSpec& spec, const InputHashes& hashes, SweepInputs& inputs);

}  // namespace tunescope
