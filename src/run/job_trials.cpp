#include "tunescope/run/job_trials.hpp"

#include <utility>

#include "tunescope/storage/status.hpp"

namespace tunescope {

std::vector<PlannedTrial> open_trials(RankTeam& team, Job& job, FailedTrials failed, RunListener& listener) {
  std::vector<PlannedTrial> grid = plan_trials(job.spec, job.hashes, job.inputs);
  const std::vector<ScreeningRole> roles = team.on_root([&] {
    const std::vector<ScreenedRate> chosen = choose_learning_rates(job.spec, grid, failed);
    if (!chosen.empty()) listener.on_screening(chosen);
    return screening_roles(job.spec, grid);
  });
  std::vector<PlannedTrial> trials = without_left_out(std::move(grid), roles);
  const TrialIndices finished = team.on_root([&] {
    load_status_and_link(job.spec, trials);
    TrialIndices indices;
    for (TrialIndex i = 0; i < trials.size(); ++i) {
      if (trials[i].is_finished()) indices.push_back(i);
    }
    return indices;
  });
  if (!team.is_root()) {
    for (const TrialIndex i : finished) trials[i].stored.end = TrialEnd::kDone;
  }
  return trials;
}

}  // namespace tunescope
