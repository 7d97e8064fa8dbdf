#include "tunescope/sweep/lanes.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <list>
#include <utility>
#include <vector>

namespace tunescope {
namespace {

constexpr int kStepsToWarmUp = 2;
constexpr int kStepsToMeasure = 12;
constexpr double kSecondsToMeasure = 1.0;
constexpr double kGainThatPays = 1.03;
constexpr std::size_t kMostLanes = 64;

struct ActiveLane {
  std::size_t trial = 0;
  StartedTrial started;
};

// The trials that a rank has in training.
class Group {
 public:
  Group(TrialQueue& queue, const LaneWorker& worker, LaneCount& count)
      : queue_(queue), worker_(worker), count_(count) {}

  bool is_empty() const { return lanes_.empty(); }

  // Takes trials from the queue while there is room.
  void fill() {
    while (lanes_.empty() && add(queue_.next())) {
    }
    while (has_room() && add(queue_.next_beside())) {
    }
    asked_with_ = lanes_.size();
    wanted_when_asked_ = count_.wanted();
  }

  void step() {
    std::vector<TrainingRun*> runs;
    for (const ActiveLane& lane : lanes_) {
      if (TrainingRun* run = lane.started.recorded->run(); run != nullptr && !run->is_over()) runs.push_back(run);
    }
    if (!runs.empty()) {
      const TrainingRun::StepCost cost = TrainingRun::step_together(runs);
      if (may_grow()) count_.record(runs.size(), cost);
    }
    std::erase_if(lanes_, [&](const ActiveLane& lane) { return has_ended(lane); });
  }

 private:
  // Whether there was a trial to add; it may turn out to be another sweep's.
  bool add(std::optional<std::size_t> trial) {
    if (!trial) return false;
    StartedTrial started = worker_.start(*trial);
    if (started.recorded) {
      lanes_.emplace_back(*trial, std::move(started));
    } else {
      queue_.finish(*trial, {.state = TrialState::kElsewhere});
    }
    return true;
  }

  // A refusal stands until the group has become smaller or may become larger: the queue is not asked at every step.
  bool has_room() const {
    if (lanes_.empty() || lanes_.size() >= count_.wanted()) return false;
    if (lanes_.size() == asked_with_ && count_.wanted() == wanted_when_asked_) return false;
    if (!may_grow()) return false;
    double taken = 0.0;
    for (const ActiveLane& lane : lanes_) taken = std::max(taken, worker_.planned(lane.trial).lane_bytes);
    return taken * static_cast<double>(lanes_.size() + 1) <= worker_.memory;
  }

  // A trial that may not join others is alone in its group.
  bool may_grow() const { return worker_.planned(lanes_.front().trial).may_join; }

  bool has_ended(const ActiveLane& lane) {
    if (const TrainingRun* run = lane.started.recorded->run(); run != nullptr && !run->is_over()) return false;
    const std::optional<TrialOutcome> outcome = lane.started.recorded->settle();
    if (!outcome) return false;
    spdlog::info("trial {} ended: {:.1f} s", worker_.planned(lane.trial).id, outcome->seconds);
    queue_.finish(lane.trial, *outcome);
    return true;
  }

  TrialQueue& queue_;
  const LaneWorker& worker_;
  LaneCount& count_;
  std::list<ActiveLane> lanes_;
  std::size_t asked_with_ = 0;
  std::size_t wanted_when_asked_ = 0;
};

}  // namespace

LaneCount::LaneCount(std::int64_t fixed)
    : wanted_(fixed > 0 ? static_cast<std::size_t>(fixed) : 1), is_settled_(fixed > 0) {}

void LaneCount::record(std::size_t lanes, const TrainingRun::StepCost& cost) {
  if (is_settled_ || lanes != wanted_ || ++steps_ <= kStepsToWarmUp) return;
  tokens_ += cost.tokens;
  seconds_ += cost.seconds;
  if (steps_ < kStepsToWarmUp + kStepsToMeasure || seconds_ < kSecondsToMeasure) return;
  judge(static_cast<double>(tokens_) / seconds_);
}

void LaneCount::judge(double rate) {
  steps_ = 0;
  tokens_ = 0;
  seconds_ = 0.0;
  if (first_rate_ == 0.0) first_rate_ = rate;
  if (best_rate_ > 0.0 && rate < kGainThatPays * best_rate_) {
    wanted_ /= 2;
    is_settled_ = true;
  } else {
    best_rate_ = rate;
    is_settled_ = wanted_ == kMostLanes;
    if (!is_settled_) wanted_ *= 2;
  }
  if (!is_settled_) return;
  gain_ = best_rate_ / first_rate_;
  spdlog::info("{} trials are trained together, {:.2f} times the tokens a second of one alone", wanted_, gain_);
}

void train_in_lanes(TrialQueue& queue, const LaneWorker& worker, LaneCount& count) {
  Group group(queue, worker, count);
  for (group.fill(); !group.is_empty(); group.fill()) group.step();
}

}  // namespace tunescope
