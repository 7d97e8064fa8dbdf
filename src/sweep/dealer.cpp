#include "tunescope/sweep/dealer.hpp"

namespace tunescope {
namespace {

constexpr double kRounding = 1e-6;  // of sums of very different numbers

}  // namespace

TrialDealer::TrialDealer(const TrialList& trials, std::size_t ranks)
    : trials_(trials), held_(ranks), is_dealt_(trials.count) {
  for (std::size_t trial = 0; trial < trials.count; ++trial) undealt_ += trials.work(trial);
}

bool TrialDealer::has_trials() {
  return first_left(next_, [](std::size_t) { return true; }).has_value();
}

std::optional<std::size_t> TrialDealer::next(std::size_t rank) {
  const std::optional<std::size_t> trial = first_left(next_, [](std::size_t) { return true; });
  if (trial) deal(rank, *trial);
  return trial;
}

std::optional<std::size_t> TrialDealer::next_beside(std::size_t rank, std::size_t trial) {
  const std::optional<std::size_t> group = trials_.lane_group(trial);
  if (!group) return std::nullopt;
  const auto is_in_group = [&](std::size_t other) { return trials_.lane_group(other) == group; };
  const std::optional<std::size_t> beside = first_left(next_of_group_[*group], is_in_group);
  if (!beside) return std::nullopt;
  const double share = (undealt_ + held_[rank]) / static_cast<double>(held_.size());
  if (held_[rank] + trials_.work(*beside) > share * (1.0 + kRounding)) return std::nullopt;
  deal(rank, *beside);
  return beside;
}

void TrialDealer::finish(std::size_t rank, std::size_t trial) { held_[rank] -= trials_.work(trial); }

template <typename Wanted>
std::optional<std::size_t> TrialDealer::first_left(std::size_t& cursor, const Wanted& is_wanted) const {
  while (cursor < trials_.count && (is_dealt_[cursor] || !is_wanted(cursor))) ++cursor;
  return cursor < trials_.count ? std::optional(cursor) : std::nullopt;
}

void TrialDealer::deal(std::size_t rank, std::size_t trial) {
  is_dealt_[trial] = true;
  undealt_ -= trials_.work(trial);
  held_[rank] += trials_.work(trial);
}

}  // namespace tunescope
