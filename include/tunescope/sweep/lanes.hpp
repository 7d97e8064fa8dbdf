#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "tunescope/sweep/folder_lock.hpp"
#include "tunescope/sweep/recorded_trial.hpp"

namespace tunescope {

/// The most that are tried where `run.lanes` does not fix the number.
constexpr std::size_t kMostLanes = 16;

/// How many trials a rank trains together: a fixed number, or as many as pay. It then starts with one and doubles, up
/// to `kMostLanes`, until that has twice not raised the tokens a second, measured over some steps of real work; of the
/// numbers tried it keeps the smallest within 3 % of the best. A stop has to wait for a step of all of them.
class LaneCount {
 public:
  /// `fixed` 0: as many as pay. `most` is what the memory allows.
  LaneCount(std::int64_t fixed, std::size_t most);

  std::size_t wanted() const { return wanted_; }
  /// Tells what a step of `lanes` trials together took. Where they did not fit into memory, half as many are wanted.
  void record(std::size_t lanes, const TrainingRun::StepCost& cost);

 private:
  void judge(double rate);

  std::size_t most_ = 1;
  std::size_t wanted_ = 1;
  bool is_settled_ = false;
  int steps_ = 0;  // seen with the wanted number
  std::int64_t tokens_ = 0;
  double seconds_ = 0.0;
  std::vector<std::pair<std::size_t, double>> rates_;  // tokens a second by number, as tried
};

/// A trial in training and the right to train it; nothing of both where another sweep trains or has trained it.
struct StartedTrial {
  std::optional<Claim> claim;
  std::unique_ptr<RecordedTrial> recorded;
};

/// What a rank needs to train trials in lanes.
struct LaneWorker {
  std::function<StartedTrial(std::size_t trial)> start;
  std::function<const PlannedTrial&(std::size_t trial)> planned;
};

/// Trains what the queue gives until it gives no more: trials of one lane group together, whose lanes leave as they end
/// and whose places are filled again, any other trial alone.
void train_in_lanes(TrialQueue& queue, const LaneWorker& worker, LaneCount& count);

}  // namespace tunescope
