#include "tunescope/run/trial_stage.hpp"

#include "tunescope/io/atomic_file.hpp"
#include "tunescope/schedule/coordinator.hpp"
#include "tunescope/storage/progress_file.hpp"

namespace tunescope {
namespace {

// On rank 0: passes on what the coordinator sees, keeps the progress file, and notes how trials end. Asks for a stop if
// the first ones show that something is broken.
class StageFollower final : public QueueListener {
 public:
  StageFollower(const TrialStage& stage, const RankContext& rank, RunListener& listener)
      : stage_(stage), stop_(rank.stop), listener_(listener), progress_(rank.job.folder.progress) {
    listener_.on_trials(stage.trials, stage.order);
  }
  ~StageFollower() override { listener_.on_trials_end(); }
  StageFollower(const StageFollower&) = delete;
  StageFollower& operator=(const StageFollower&) = delete;

  void on_start(TrialIndex trial, int rank) override {
    listener_.on_trial_start(trial);
    progress_.start(stage_.trials[trial].id, rank);
    stage_.failures.start(stage_.trials[trial].id);
  }

  void on_progress(TrialIndex trial, std::int64_t step, std::int64_t steps) override {
    listener_.on_trial_progress(trial, step, steps);
    progress_.progress(stage_.trials[trial].id, step, steps);
  }

  void on_end(TrialIndex trial, const TrialSummary& summary) override {
    progress_.finish(stage_.trials[trial].id);
    if (is_final(summary.end)) recorded_.push_back(trial);
    if (summary.end == TrialEnd::kTakenByAnotherSweep) elsewhere_.push_back(trial);
    listener_.on_trial_end(trial, summary);
    stage_.failures.record(stage_.trials[trial].id, summary.end);
    if (stage_.failures.is_broken()) stop_.request_stop();
  }

  const TrialIndices& recorded() const { return recorded_; }
  const TrialIndices& elsewhere() const { return elsewhere_; }

 private:
  const TrialStage& stage_;
  StopRequest& stop_;
  RunListener& listener_;
  ProgressFile progress_;
  TrialIndices recorded_;
  TrialIndices elsewhere_;
};

}  // namespace

StageEnd train_trials(RankTeam& team, const RankContext& rank, RunListener& listener, const TrialStage& stage) {
  std::optional<StageFollower> follower;
  if (team.is_root()) follower.emplace(stage, rank, listener);
  QueueListener nobody;
  StageEnd end;
  end.is_stopped = distribute_trials(
      team, queue_of(stage.trials, stage.order), [&](TrialQueue& queue) { train_from_queue(queue, stage, rank); },
      follower ? *follower : nobody, rank.stop);
  end.recorded = team.on_root([&] { return follower->recorded(); });
  end.elsewhere = team.on_root([&] { return follower->elsewhere(); });
  for (const TrialIndex trial : end.recorded) wait_for_file(rank.job.folder.trial_file(stage.trials[trial].id));
  return end;
}

}  // namespace tunescope
