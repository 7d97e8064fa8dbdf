#include "tunescope/run/stage_runner.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <iterator>
#include <numeric>
#include <set>
#include <string>
#include <thread>
#include <utility>

#include "tunescope/io/atomic_file.hpp"
#include "tunescope/run/fisher_execution.hpp"
#include "tunescope/run/job_trials.hpp"
#include "tunescope/schedule/stop_channel.hpp"
#include "tunescope/storage/measured_weights.hpp"
#include "tunescope/storage/status.hpp"

namespace tunescope {
namespace {

constexpr std::chrono::seconds kClaimPoll{1};  // between two looks at what another sweep has claimed

}  // namespace

StageRunner::StageRunner(RankTeam& team, const RankContext& rank, RunListener& listener,
                         std::vector<PlannedTrial>& trials)
    : team_(team), rank_(rank), listener_(listener), trials_(trials), failures_(rank.job.spec.stop_after_failures) {
  for (const PlannedTrial& planned : trials) {
    if (planned.is_finished()) failures_.record(planned.id, *planned.stored.end);
  }
}

bool StageRunner::train(const TrialIndices& order) {
  if (order.empty()) return true;
  const JobFolder& folder = rank_.job.folder;
  const auto is_done = [&](const PlannedTrial& planned) { return load_status(folder, planned.id).is_finished(); };
  const StageEnd end = train_trials(team_, rank_, listener_,
                                    {.trials = trials_, .order = order, .is_done = is_done, .failures = failures_});
  for (const TrialIndex trial : end.recorded) wait_for_weights(folder, trials_[trial].id, rank_.job.fisher);
  elsewhere_.insert(elsewhere_.end(), end.elsewhere.begin(), end.elsewhere.end());
  return !end.is_stopped;
}

bool StageRunner::take_turn() {
  for (;;) {
    const bool has_turn = team_.on_root([&] {
      std::optional<Claim> claim = Claim::try_fisher_stage(rank_.job.folder.lock);
      if (claim) turn_.emplace(std::move(*claim));
      return claim.has_value();
    });
    if (has_turn) return true;
    if (agree_on_stop(team_, rank_.stop)) return false;
    pause();
  }
}

bool StageRunner::train_measured(const std::vector<PlannedTrial>& trainings) {
  const JobFolder& folder = rank_.job.folder;
  const std::vector<PlannedFisher> pending = update_fisher_status(team_, rank_.job);
  if (pending.empty()) return true;  // another sweep has computed them
  open_reducer();                    // before any training: it may fail
  const auto is_done = [&](const PlannedTrial& planned) { return !needs_training(folder, planned.id, pending); };
  TrialIndices candidates(trainings.size());
  std::iota(candidates.begin(), candidates.end(), TrialIndex{0});
  sort_longest_first(candidates, trainings);
  for (;;) {
    const TrialIndices order = team_.on_root([&] {
      std::erase_if(candidates, [&](TrialIndex i) { return is_done(trainings[i]); });
      return candidates;
    });
    if (order.empty()) return true;
    const StageEnd end = train_trials(team_, rank_, listener_,
                                      {.trials = trainings, .order = order, .is_done = is_done, .failures = failures_});
    if (end.is_stopped) return false;
    for (const TrialIndex training : end.recorded) wait_for_weights(folder, trainings[training].id, pending);
    candidates = end.elsewhere;
    if (!candidates.empty()) pause();
  }
}

void StageRunner::open_reducer() {
  ReducerChoice choice = make_reducer(rank_.job.spec.reducer, team_, rank_.setup.device);
  reducer_ = std::move(choice.reducer);
  if (!choice.note.empty()) spdlog::warn("{}", choice.note);
  if (!team_.is_root()) return;
  if (!choice.note.empty()) listener_.on_note(choice.note);
  listener_.on_fisher_stage(rank_.job.fisher, reducer_->name());
}

bool StageRunner::measure() {
  if (!reducer_) return true;
  Job& job = rank_.job;
  const std::vector<PlannedFisher> pending = update_fisher_status(team_, job);  // others may have computed some
  if (team_.is_root()) listener_.on_fisher_runs(pending);
  compute_fisher_runs(team_, rank_, listener_, *reducer_, pending);
  if (team_.is_root()) listener_.on_fisher_runs_end();
  const bool is_complete = update_fisher_status(team_, job).empty();
  team_.on_root([&] { remove_measured_weights(job.spec, job.hashes, job.inputs); });
  for (const PlannedFisher& planned : job.fisher) {
    if (planned.is_done) wait_for_file(job.folder.fisher_file(planned.id));
  }
  return is_complete || !agree_on_stop(team_, rank_.stop);
}

void StageRunner::end_turn() {
  if (reducer_) reducer_->close();
  reducer_.reset();
  turn_.reset();
}

// The choice needs the trials of other sweeps too.
bool StageRunner::train_chosen() {
  if (!wait_for_other_sweeps()) return false;
  std::set<std::string> known;
  for (const PlannedTrial& planned : trials_) {
    if (!planned.is_stand_in) known.insert(planned.id);
  }
  trials_ = open_trials(team_, rank_.job, FailedTrials::kRankLast, listener_);
  TrialIndices chosen;
  for (TrialIndex i = 0; i < trials_.size(); ++i) {
    const bool is_new = !trials_[i].is_stand_in && !known.contains(trials_[i].id);
    if (is_new && !trials_[i].is_finished()) chosen.push_back(i);
  }
  sort_longest_first(chosen, trials_);
  return train(chosen);
}

bool StageRunner::wait_for_other_sweeps() {
  for (bool has_told = false;;) {
    // A trial that is not claimed any more is either finished or abandoned; asked before its file is looked for.
    const TrialIndices taken = team_.on_root([&] {
      TrialIndices still_taken;
      std::ranges::copy_if(elsewhere_, std::back_inserter(still_taken), [&](TrialIndex trial) {
        return Claim::is_trial_taken(rank_.job.folder.lock, trials_[trial].id);
      });
      return still_taken;
    });
    TrialIndices abandoned = team_.on_root([&] {
      TrialIndices unfinished;
      for (const TrialIndex trial : elsewhere_) {
        if (std::ranges::find(taken, trial) != taken.end()) continue;
        trials_[trial].stored = load_status(rank_.job.folder, trials_[trial].id);
        if (!trials_[trial].is_finished()) unfinished.push_back(trial);
      }
      return unfinished;
    });
    elsewhere_ = taken;
    if (!abandoned.empty()) {
      sort_longest_first(abandoned, trials_);
      if (!train(abandoned)) return false;
      continue;
    }
    if (taken.empty()) return true;
    if (agree_on_stop(team_, rank_.stop)) return false;
    if (team_.is_root() && !std::exchange(has_told, true)) listener_.on_waiting(taken.size());
    pause();
  }
}

// Rank 0 alone: the others wait for it in the next collective.
void StageRunner::pause() const {
  if (team_.is_root()) std::this_thread::sleep_for(kClaimPoll);
}

}  // namespace tunescope
