#include "tunescope/schedule/assignment_policy.hpp"

#include <utility>

namespace tunescope {
namespace {

constexpr double kRounding = 1e-6;  // of sums of very different numbers

}  // namespace

std::vector<QueuedTrial> queue_of(const std::vector<PlannedTrial>& trials, const TrialIndices& order) {
  std::vector<QueuedTrial> queue;
  for (const TrialIndex i : order) {
    queue.push_back({.trial = i, .work = trials[i].flops, .group = trials[i].group});
  }
  return queue;
}

AssignmentPolicy::AssignmentPolicy(std::vector<QueuedTrial> queue, std::size_t ranks)
    : queue_(std::move(queue)), in_flight_(ranks), ranks_(ranks), is_assigned_(queue_.size()) {
  for (Position position = 0; position < queue_.size(); ++position) {
    positions_[queue_[position].trial] = position;
    unassigned_ += queue_[position].work;
  }
}

bool AssignmentPolicy::has_unassigned() {
  return first_unassigned(next_, [](Position) { return true; }).has_value();
}

std::optional<TrialIndex> AssignmentPolicy::assign(std::size_t rank) {
  const std::optional<Position> position = first_unassigned(next_, [](Position) { return true; });
  if (!position) return std::nullopt;
  return assign_at(*position, rank);
}

std::optional<TrialIndex> AssignmentPolicy::assign_companion(std::size_t rank, TrialIndex trial) {
  const std::optional<std::size_t> group = queue_[positions_.at(trial)].group;
  if (!group) return std::nullopt;
  const auto is_in_group = [&](Position other) { return queue_[other].group == group; };
  const std::optional<Position> companion = first_unassigned(next_of_group_[*group], is_in_group);
  if (!companion) return std::nullopt;
  const double share = (unassigned_ + in_flight_[rank]) / static_cast<double>(ranks_);
  if (in_flight_[rank] + queue_[*companion].work > share * (1.0 + kRounding)) return std::nullopt;
  return assign_at(*companion, rank);
}

void AssignmentPolicy::finish(std::size_t rank, TrialIndex trial) {
  in_flight_[rank] -= queue_[positions_.at(trial)].work;
}

void AssignmentPolicy::give_back(std::size_t rank, TrialIndex trial) {
  finish(rank, trial);
  Position& position = positions_.at(trial);
  const QueuedTrial again = queue_[position];
  position = queue_.size();
  queue_.push_back(again);
  is_assigned_.push_back(false);
  unassigned_ += again.work;
}

template <typename Wanted>
std::optional<AssignmentPolicy::Position> AssignmentPolicy::first_unassigned(Position& cursor,
                                                                             const Wanted& is_wanted) const {
  while (cursor < queue_.size() && (is_assigned_[cursor] || !is_wanted(cursor))) ++cursor;
  return cursor < queue_.size() ? std::optional(cursor) : std::nullopt;
}

TrialIndex AssignmentPolicy::assign_at(Position position, std::size_t rank) {
  is_assigned_[position] = true;
  unassigned_ -= queue_[position].work;
  in_flight_[rank] += queue_[position].work;
  return queue_[position].trial;
}

}  // namespace tunescope
