#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "tunescope/sweep/cost.hpp"
#include "tunescope/sweep/fisher_stage.hpp"

namespace tunescope {

/// How long a sweep and its parts take on so many devices.
struct Simulation {
  double makespan = 0.0;     ///< seconds from start to end
  double lower_bound = 0.0;  ///< no schedule is shorter: the work over all devices, or the longest task
};

/// A trial as the scheduler sees it.
struct SimulatedTrial {
  double flops = 0.0;    ///< expected
  double seconds = 0.0;  ///< of a device's time that it takes
  std::optional<std::size_t> lane_group = {};
};

/// Plays the dealing of these trials, in this order, to devices that each train up to `lanes` of a group at once. Lanes
/// have equal shares of their device's time; what they gain is taken to be in the trials' seconds already.
Simulation simulate(const std::vector<SimulatedTrial>& trials, std::size_t devices, std::size_t lanes);

/// What a sweep has to do. A stage begins when the one before it has ended.
struct SweepWork {
  struct Shared {
    double seconds = 0.0;       ///< on one device
    std::int64_t examples = 0;  ///< no more devices than these can take part
  };
  std::vector<SimulatedTrial> trials;   ///< that choose by no pending Fisher run, in the order in which they are dealt
  std::vector<SimulatedTrial> sources;  ///< trainings that Fisher runs measure and that are not among those
  std::vector<Shared> fisher_runs;      ///< each shared out over all devices, one after the other
  std::vector<SimulatedTrial> waiting;  ///< the other trials
};

/// What a device is taken for where nothing was measured; it scales all times alike.
constexpr double kAssumedFlopsASecond = 1e13;

/// What a sweep would do now.
SweepWork work_to_do(const SweepSpec& spec, const std::vector<PlannedFisher>& fisher,
                     const std::vector<PlannedTrial>& trials, SweepInputs& inputs, const CostModel& costs);

/// Plays a sweep through.
Simulation simulate_sweep(const SweepWork& work, std::size_t devices, std::size_t lanes);

}  // namespace tunescope
