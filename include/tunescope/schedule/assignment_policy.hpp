#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <vector>

#include "tunescope/plan/planned_trial.hpp"

namespace tunescope {

/// A trial in the queue, as the assignment sees it.
struct QueuedTrial {
  TrialIndex trial = 0;
  double work = 1.0;                      ///< expected, in any unit
  std::optional<std::size_t> group = {};  ///< trials of one group may be co-trained; one without trains alone
};

/// These trials in this order, with what is expected of them.
std::vector<QueuedTrial> queue_of(const std::vector<PlannedTrial>& trials, const TrialIndices& order);

/// Decides which rank gets which trial, in the order of the queue: the longest should come first. Co-trained trials
/// finish together and late. To avoid a long tail, a rank may take companions of its first trial only until its work
/// reaches (unassigned + own) / (ranks at work); what is already running on other ranks cannot be rebalanced.
class AssignmentPolicy {
 public:
  AssignmentPolicy(std::vector<QueuedTrial> queue, std::size_t ranks);

  bool has_unassigned();
  /// The first unassigned trial; nothing if there is none.
  std::optional<TrialIndex> assign(std::size_t rank);
  /// The first unassigned trial that may be co-trained with one that the rank has; nothing if there is none or the rank
  /// has its share.
  std::optional<TrialIndex> assign_companion(std::size_t rank, TrialIndex trial);
  /// A trial of this rank has ended.
  void finish(std::size_t rank, TrialIndex trial);
  /// A trial of this rank is unassigned again. It is now the last of the queue: if it is what has broken the rank's
  /// device, it breaks the next one only when all else has been assigned.
  void give_back(std::size_t rank, TrialIndex trial);
  /// A rank, which has no trials any more, takes no more.
  void leave() { --ranks_; }

 private:
  using Position = std::size_t;  // in the queue

  template <typename Wanted>
  std::optional<Position> first_unassigned(Position& cursor, const Wanted& is_wanted) const;
  TrialIndex assign_at(Position position, std::size_t rank);

  std::vector<QueuedTrial> queue_;
  std::map<TrialIndex, Position> positions_;
  std::vector<double> in_flight_;  // work, by rank
  std::size_t ranks_;              // that take trials
  double unassigned_ = 0.0;        // work
  std::vector<bool> is_assigned_;
  Position next_ = 0;
  std::map<std::size_t, Position> next_of_group_;
};

}  // namespace tunescope
