#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "tunescope/plan/planned_trial.hpp"
#include "tunescope/results/screening_record.hpp"

namespace tunescope {

// Screening (`sweep.screening`): all learning rates of a task and a method are trained with the job's first seeds. When
// these trials have ended, the rates with the best mean scores are chosen, and they alone are trained with the other
// seeds. The choice is kept in a file of the job's folder, so that no later sweep makes another one. Functions that
// take a `grid` expect all trials of the job, as `list_trials` gives them.

/// Whether failed trials count as ended: not before they have been tried again.
enum class FailedTrials { kAreTriedAgain, kRankLast };

/// Chooses the learning rates of each task and method whose screening trials have ended, keeps the choices and returns
/// them. Where all have failed there is nothing to choose by. Finished trials of other jobs count, see
/// `load_status_and_link`.
std::vector<ScreenedRate> choose_learning_rates(const SweepSpec& spec, const std::vector<PlannedTrial>& grid,
                                                FailedTrials failed);

/// All choices that were made, in the order of the grid.
std::vector<ScreenedRate> screened_rates(const SweepSpec& spec, const std::vector<PlannedTrial>& grid);

/// What screening makes of a trial of the grid. Before the choice the first learning rates stand in for those that will
/// be chosen, since all cost the same.
enum class ScreeningRole : std::uint8_t { kTrained, kStandIn, kLeftOut };

/// By trial of the grid.
std::vector<ScreeningRole> screening_roles(const SweepSpec& spec, const std::vector<PlannedTrial>& grid);

/// The trials of the grid that are not left out.
std::vector<PlannedTrial> without_left_out(std::vector<PlannedTrial> grid, const std::vector<ScreeningRole>& roles);

/// The same, by the choices that this process finds.
std::vector<PlannedTrial> after_screening(const SweepSpec& spec, std::vector<PlannedTrial> grid);

/// The learning rates with the `keep` highest means, by index and in their order. Of equals the earlier comes first,
/// and NaN last.
std::vector<std::size_t> best_rates(const std::vector<double>& means, std::size_t keep);

}  // namespace tunescope
