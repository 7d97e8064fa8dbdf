#include "tunescope/run/sweep_run.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "tunescope/io/atomic_file.hpp"
#include "tunescope/run/ablation/ablation_stage.hpp"
#include "tunescope/run/fisher_execution.hpp"
#include "tunescope/run/job_trials.hpp"
#include "tunescope/run/stage_runner.hpp"
#include "tunescope/storage/merge.hpp"
#include "tunescope/storage/status.hpp"

namespace tunescope {
namespace {

// The job's trials, their status and what is left to do of them, the same on every rank.
struct Work {
  std::vector<PlannedTrial> trials;
  SweepPlan plan;
};

Work plan_work(RankTeam& team, Job& job, RunListener& listener) {
  update_fisher_status(team, job);
  Work work{.trials = open_trials(team, job, FailedTrials::kAreTriedAgain, listener), .plan = {}};
  work.plan = plan_sweep(work.trials, job.fisher, job.inputs);
  return work;
}

void warn_of_files(const std::vector<PlannedTrial>& trials, RunListener& listener) {
  for (const PlannedTrial& planned : trials) {
    if (!planned.stored.warning.empty()) listener.on_warning(planned.stored.warning);
  }
}

void merge(Job& job, const std::vector<PlannedTrial>& trials, const std::vector<std::string>& fisher_ids,
           bool is_complete, RunListener& listener) {
  for (const std::string& warning : merge_results(job.spec, trials, fisher_ids, &job.inputs, job.hashes, is_complete)) {
    listener.on_warning(warning);
  }
}

// Whether the stages were stopped by failures; if so, the listener is told.
bool ended_by_failures(RankTeam& team, const Job& job, const FailureWatch& failures, RunListener& listener) {
  return team.on_root([&] {
    if (!failures.is_broken()) return false;
    std::vector<std::string> errors;
    for (const std::string& trial : failures.failed()) {
      wait_for_any({job.folder.failed_file(trial), job.folder.trial_file(trial)});
      errors.push_back(load_status(job.folder, trial).error);
    }
    listener.on_broken(errors.size(), commonest(errors));
    return true;
  });
}

}  // namespace

SweepEnd run_sweep(RankTeam& team, const RankContext& rank, RunListener& listener) {
  Job& job = rank.job;
  Work work = plan_work(team, job, listener);
  if (team.is_root()) {
    warn_of_files(work.trials, listener);
    listener.on_sweep(work.trials);
  }
  StageRunner stages(team, rank, listener, work.trials);
  const bool is_trained = carry_out(work.plan, stages) && stages.wait_for_other_sweeps();
  const bool is_ablated = is_trained && ablate_kept_models(team, rank, work.trials, listener);
  const bool has_lost_work = team.any_of(rank.stop.has_lost_work());
  if (!is_trained && ended_by_failures(team, job, stages.failures(), listener)) {
    return {.has_lost_work = has_lost_work, .is_broken = true};
  }
  return team.on_root([&] {
    const std::vector<PlannedTrial> trials = stored_trials(job.spec, job.hashes);
    // A stop that found nothing left to do was none.
    const bool has_all = is_ablated || (is_complete(trials) && !is_ablation_missing(trials, job.spec));
    if (!has_all) {
      return SweepEnd{.is_stopped = true, .has_lost_work = has_lost_work, .trials = trials.size()};
    }
    warn_of_files(trials, listener);
    merge(job, trials, job_fisher_ids(job.spec, job.hashes), is_complete(trials), listener);
    const auto done = std::ranges::count_if(
        trials, [](const PlannedTrial& planned) { return planned.stored.end == TrialEnd::kDone; });
    return SweepEnd{.trials = trials.size(), .done = static_cast<std::size_t>(done)};
  });
}

FisherEnd run_fisher(RankTeam& team, const RankContext& rank, RunListener& listener) {
  Job& job = rank.job;
  const std::vector<PlannedFisher> pending = update_fisher_status(team, job);
  const SweepPlan plan{.independent = {},
                       .measured_trainings = measured_trainings(pending, job.inputs),
                       .fisher_runs = pending,
                       .dependent = {}};
  std::vector<PlannedTrial> trials;
  StageRunner stages(team, rank, listener, trials);
  const bool came_to_its_end = carry_out(plan, stages);
  FisherEnd end{.is_stopped = !came_to_its_end,
                .has_lost_work = team.any_of(rank.stop.has_lost_work()),
                .is_broken = !came_to_its_end && ended_by_failures(team, job, stages.failures(), listener),
                .runs = job.fisher.size(),
                .done = job.fisher.size() - pending_of(job.fisher).size()};
  if (end.is_stopped || end.is_broken) return end;
  end.is_merged = team.on_root([&] {
    const std::vector<PlannedTrial> stored = stored_trials(job.spec, job.hashes);
    warn_of_files(stored, listener);
    const bool is_refused =
        std::ranges::any_of(stored, [](const PlannedTrial& planned) { return !planned.stored.warning.empty(); });
    if (is_refused && std::filesystem::exists(job.folder.merged)) return false;
    std::vector<std::string> ids;
    for (const PlannedFisher& planned : job.fisher) ids.push_back(planned.id);
    merge(job, stored, ids, end.done == end.runs, listener);
    return true;
  });
  return end;
}

}  // namespace tunescope
