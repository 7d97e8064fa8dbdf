#pragma once

#include "tunescope/results/fisher_record.hpp"
#include "tunescope/results/trial_record.hpp"
#include "tunescope/run/rank_context.hpp"

namespace tunescope {

/// What is known of a trial before it is trained; all results are missing (NaN).
TrialRecord begin_record(const PlannedTrial& planned, const RankContext& rank);

/// Adds what a training that came to its end has left.
void record_result(TrialRecord& record, const TrainResult& result, const Task& task,
                   const ParameterCatalogue& catalogue);

/// The scalars that a Fisher method chose for a trial, see `TrainableParameters::chosen_scalars`.
MaskRecord mask_of(const Trial& trial, const std::vector<std::pair<ParameterIndex, at::Tensor>>& chosen,
                   const ParameterCatalogue& catalogue);

/// The row of a Fisher run without the time that it took.
FisherRow fisher_row(const PlannedFisher& planned, const RankContext& rank, int ranks, std::string_view reducer);

}  // namespace tunescope
