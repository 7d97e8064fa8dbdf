#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <vector>

namespace tunescope {

/// Trials 0 ... count-1, handed out in this order: the longest should come first.
struct TrialList {
  std::size_t count = 0;
  /// What a trial is expected to take, in any unit.
  std::function<double(std::size_t trial)> work = [](std::size_t) { return 1.0; };
  /// Trials with the same number may be trained beside each other, as lanes; those with none only alone.
  std::function<std::optional<std::size_t>(std::size_t trial)> lane_group = [](std::size_t) { return std::nullopt; };
};

/// Decides which rank gets which trial. Lanes of a rank end late and together, so beside its first trial it gets more
/// only up to an equal share of the work that no other rank has: what is in training elsewhere cannot even out the end.
class TrialDealer {
 public:
  /// `trials` must outlive this.
  TrialDealer(const TrialList& trials, std::size_t ranks);

  /// Whether any trial is left.
  bool has_trials();
  /// The first trial that is left.
  std::optional<std::size_t> next(std::size_t rank);
  /// The first that is left and may be trained beside a trial that the rank has; nothing where none may or the rank
  /// would have too much.
  std::optional<std::size_t> next_beside(std::size_t rank, std::size_t trial);
  /// A trial of this rank has ended.
  void finish(std::size_t rank, std::size_t trial);

 private:
  template <typename Wanted>
  std::optional<std::size_t> first_left(std::size_t& cursor, const Wanted& is_wanted) const;
  void deal(std::size_t rank, std::size_t trial);

  const TrialList& trials_;
  std::vector<double> held_;  // work by rank
  double undealt_ = 0.0;      // work
  std::vector<bool> is_dealt_;
  std::size_t next_ = 0;
  std::map<std::size_t, std::size_t> next_of_group_;
};

}  // namespace tunescope
