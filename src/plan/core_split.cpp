#include "tunescope/plan/core_split.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <numeric>

namespace tunescope {
namespace {

// Of a step's time, what more threads do not shorten: 16 LayerNorm trials of CoLA take 1.12 times as long on one rank
// of two threads as on two ranks of one (docs/speed.md).
constexpr double kSerialShare = 0.12;
constexpr double kMaxRanks = 1e6;  // more than any machine has cores

}  // namespace

std::string CoreSplit::text() const {
  return fmt::format("{} rank{} with {} thread{} each", ranks, ranks == 1 ? "" : "s", threads, threads == 1 ? "" : "s");
}

SplitWork split_work(const std::vector<PlannedTrial>& trials, double memory, double rank_bytes) {
  SplitWork work;
  double largest = 1.0;
  for (const PlannedTrial& planned : trials) {
    if (planned.is_finished()) continue;
    work.trials.push_back(planned.flops);
    largest = std::max(largest, planned.added_bytes);
  }
  work.max_ranks = static_cast<int>(std::clamp(memory / (rank_bytes + largest / kTrialsShareOfMemory), 1.0, kMaxRanks));
  return work;
}

double expected_time(const SplitWork& work, const CoreSplit& split) {
  if (work.trials.empty()) return 0.0;
  const double total = std::accumulate(work.trials.begin(), work.trials.end(), 0.0);
  const double longest = *std::max_element(work.trials.begin(), work.trials.end());
  return std::max(total / split.ranks, longest) * (kSerialShare + (1.0 - kSerialShare) / split.threads);
}

CoreSplit best_core_split(const SplitWork& work, int cores) {
  CoreSplit best{.ranks = 1, .threads = cores};
  const int max_ranks = std::min({cores, work.max_ranks, static_cast<int>(work.trials.size())});
  for (int ranks = 2; ranks <= max_ranks; ++ranks) {
    const CoreSplit split{.ranks = ranks, .threads = cores / ranks};
    if (expected_time(work, split) <= expected_time(work, best)) best = split;
  }
  return best;
}

}  // namespace tunescope
