#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "tunescope/train/training_run.hpp"

namespace tunescope {

/// The most trials that are tried together if `run.lanes` does not fix the number.
constexpr std::size_t kMaxCoTrained = 16;

/// How many trials a rank trains together: a fixed number, or as many as pay. It then starts with one and doubles, up
/// to `kMaxCoTrained`, until that has twice not raised the tokens per second, measured over some steps of real work; of
/// the numbers tried it keeps the smallest within 3 % of the best, for a stop has to wait for a step of all of them.
class CoTrainingSize {
 public:
  /// `fixed` 0: as many as pay. `max` is what the memory allows.
  CoTrainingSize(std::int64_t fixed, std::size_t max);

  std::size_t wanted() const { return wanted_; }
  /// Tells what a step of `trials` together took. If they did not fit into memory, half as many are wanted.
  void record(std::size_t trials, const TrainingRun::StepCost& cost);

 private:
  void judge(double rate);

  std::size_t max_ = 1;
  std::size_t wanted_ = 1;
  bool is_settled_ = false;
  int steps_ = 0;  // seen with the wanted number
  std::int64_t tokens_ = 0;
  double seconds_ = 0.0;
  std::vector<std::pair<std::size_t, double>> rates_;  // tokens per second by number of trials, in the order tried
};

}  // namespace tunescope
