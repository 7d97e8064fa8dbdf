#include "tunescope/run/co_training.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <limits>
#include <list>
#include <optional>
#include <span>
#include <utility>

#include "tunescope/device/failure.hpp"
#include "tunescope/device/libtorch_settings.hpp"
#include "tunescope/run/co_training_size.hpp"
#include "tunescope/run/trial_run.hpp"

namespace tunescope {
namespace {

// How many trials of a stage fit into a rank's memory together.
std::size_t max_co_trained(const TrialStage& stage, double memory) {
  double largest = 0.0;
  for (const TrialIndex i : stage.order) {
    if (stage.trials[i].group) largest = std::max(largest, stage.trials[i].added_bytes);
  }
  if (largest <= 0.0) return 1;
  const auto most =
      static_cast<std::size_t>(std::clamp(memory / largest, 1.0, static_cast<double>(stage.order.size())));
  spdlog::info("at most {} trials together fit into {:.1f} GB, {:.0f} MB each", most, memory / 1e9, largest / 1e6);
  return most;
}

// The trials that a rank has in training.
class CoTraining {
 public:
  CoTraining(TrialQueue& queue, const TrialStage& stage, const RankContext& rank)
      : queue_(queue),
        stage_(stage),
        rank_(rank),
        size_(rank.job.spec.lanes, max_co_trained(stage, rank.setup.training_memory)) {}

  void run() {
    while (take_trials()) {
      advance();
      record_ended();
    }
  }

 private:
  // Takes trials from the queue while there is room; returns whether there is any to train. A refusal of companions
  // stands until this rank has fewer trials.
  bool take_trials() {
    while (runs_.empty()) {
      const std::optional<TrialIndex> next = queue_.next();
      if (!next) return false;
      open(*next);
    }
    if (runs_.size() < refused_at_) refused_at_ = std::numeric_limits<std::size_t>::max();
    while (may_have_companions() && runs_.size() < std::min(size_.wanted(), refused_at_)) {
      const std::optional<TrialIndex> companion = queue_.next_companion(runs_.front().taken().index);
      if (companion) {
        open(*companion);
      } else {
        refused_at_ = runs_.size();
      }
    }
    return true;
  }

  // Begins or resumes a trial, unless it turns out to be another sweep's.
  void open(TrialIndex index) {
    const PlannedTrial& planned = stage_.trials[index];
    std::optional<Claim> claim = Claim::try_trial(rank_.job.folder.lock, planned.id);
    if (claim && !stage_.is_done(planned)) {
      runs_.emplace_back(TakenTrial{.index = index, .planned = planned, .claim = std::move(*claim)}, rank_, queue_);
    } else {
      queue_.finish(index, {.end = TrialEnd::kTakenByAnotherSweep});
    }
  }

  // One step of every trial, in as few passes as the wanted size allows: it may have become smaller.
  void advance() {
    std::vector<TrainingRun*> trainings;
    for (TrialRun& run : runs_) {
      if (TrainingRun* training = run.training()) trainings.push_back(training);
    }
    for (std::span<TrainingRun* const> rest = trainings; !rest.empty();) {
      const std::span together = rest.first(std::min(rest.size(), size_.wanted()));
      rest = rest.subspan(together.size());
      const TrainingRun::StepCost cost = TrainingRun::step_together(together);
      if (may_have_companions()) size_.record(together.size(), cost);
    }
  }

  // Records the trials that have ended and lets go of them: their claims end with them.
  void record_ended() {
    std::erase_if(runs_, [&](TrialRun& run) {
      if (run.training() != nullptr) return false;
      const std::optional<TrialSummary> summary = run.finish_attempt();
      if (!summary) return false;
      spdlog::info("trial {} ended: {:.1f} s", run.taken().planned.id, summary->seconds);
      queue_.finish(run.taken().index, *summary);
      return true;
    });
  }

  bool may_have_companions() const { return !runs_.empty() && runs_.front().taken().planned.group.has_value(); }

  TrialQueue& queue_;
  const TrialStage& stage_;
  const RankContext& rank_;
  CoTrainingSize size_;
  std::list<TrialRun> runs_;
  std::size_t refused_at_ = std::numeric_limits<std::size_t>::max();  // with so many trials
};

}  // namespace

void train_from_queue(TrialQueue& queue, const TrialStage& stage, const RankContext& rank) {
  const Tf32Products products(rank.job.spec.train.precision == Precision::kTf32);
  try {
    CoTraining(queue, stage, rank).run();
  } catch (const std::exception& error) {
    throw_if_broken(rank.setup.device, error);
    throw;
  }
}

}  // namespace tunescope
