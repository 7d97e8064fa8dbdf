#include "tunescope/sweep/lanes.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <limits>
#include <list>
#include <span>
#include <utility>
#include <vector>

namespace tunescope {
namespace {

constexpr int kStepsToWarmUp = 2;
constexpr int kStepsToMeasure = 12;
constexpr double kSecondsToMeasure = 1.0;
constexpr std::ptrdiff_t kWorseDoublings = 2;  // a single one may be noise
constexpr double kAsGood = 0.97;

struct ActiveLane {
  std::size_t trial = 0;
  StartedTrial started;
};

// The trials that a rank has in training.
class LaneGroup {
 public:
  LaneGroup(TrialQueue& queue, const LaneWorker& worker, LaneCount& count)
      : queue_(queue), worker_(worker), count_(count) {}

  bool is_empty() const { return lanes_.empty(); }

  // Takes trials from the queue while there is room. A refusal stands until the group has become smaller.
  void fill() {
    while (lanes_.empty() && add(queue_.next())) {
    }
    if (lanes_.size() < refused_with_) refused_with_ = std::numeric_limits<std::size_t>::max();
    while (has_room()) {
      if (!add(queue_.next_beside(lanes_.front().trial))) refused_with_ = lanes_.size();
    }
  }

  void step() {
    std::vector<TrainingRun*> runs;
    for (const ActiveLane& lane : lanes_) {
      if (TrainingRun* run = lane.started.recorded->run(); run != nullptr && !run->is_over()) runs.push_back(run);
    }
    for (std::span<TrainingRun* const> rest = runs; !rest.empty();) {  // fewer may be wanted now than there are
      const std::span together = rest.first(std::min(rest.size(), count_.wanted()));
      rest = rest.subspan(together.size());
      const TrainingRun::StepCost cost = TrainingRun::step_together(together);
      if (may_grow()) count_.record(together.size(), cost);
    }
    std::erase_if(lanes_, [&](const ActiveLane& lane) { return has_ended(lane); });
  }

 private:
  // Whether there was a trial to add; it may turn out to be another sweep's.
  bool add(std::optional<std::size_t> trial) {
    if (!trial) return false;
    StartedTrial started = worker_.start(*trial);
    if (started.recorded) {
      lanes_.push_back(ActiveLane{*trial, std::move(started)});
    } else {
      queue_.finish(*trial, {.state = TrialState::kElsewhere});
    }
    return true;
  }

  bool has_room() const { return may_grow() && lanes_.size() < std::min(count_.wanted(), refused_with_); }

  bool may_grow() const { return !lanes_.empty() && worker_.planned(lanes_.front().trial).lane_group.has_value(); }

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
  std::size_t refused_with_ = std::numeric_limits<std::size_t>::max();
};

}  // namespace

LaneCount::LaneCount(std::int64_t fixed, std::size_t most)
    : most_(most),
      wanted_(std::min(most, static_cast<std::size_t>(std::max<std::int64_t>(fixed, 1)))),
      is_settled_(fixed > 0) {}

void LaneCount::record(std::size_t lanes, const TrainingRun::StepCost& cost) {
  if (!cost.is_whole) {
    wanted_ = std::max<std::size_t>(1, lanes / 2);
    is_settled_ = true;
    spdlog::warn("{} trials together do not fit into memory; {} are trained together from now on", lanes, wanted_);
  }
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
  rates_.emplace_back(wanted_, rate);
  const auto by_rate = [](const auto& a, const auto& b) { return a.second < b.second; };
  const auto best = std::max_element(rates_.begin(), rates_.end(), by_rate);
  const auto since_best = rates_.end() - best - 1;
  is_settled_ = since_best == kWorseDoublings || 2 * wanted_ > std::min(most_, kMostLanes);
  if (!is_settled_) {
    wanted_ *= 2;
    return;
  }
  const auto is_as_good = [&](const auto& tried) { return tried.second >= kAsGood * best->second; };
  const auto& [lanes, chosen] = *std::find_if(rates_.begin(), rates_.end(), is_as_good);
  wanted_ = lanes;
  spdlog::info("{} trials are trained together, {:.2f} times the tokens a second of one alone", wanted_,
               chosen / rates_.front().second);
}

void train_in_lanes(TrialQueue& queue, const LaneWorker& worker, LaneCount& count) {
  LaneGroup group(queue, worker, count);
  for (group.fill(); !group.is_empty(); group.fill()) group.step();
}

}  // namespace tunescope
