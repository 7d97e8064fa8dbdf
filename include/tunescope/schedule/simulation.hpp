#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "tunescope/plan/cost.hpp"
#include "tunescope/plan/sweep_plan.hpp"
#include "tunescope/schedule/assignment_policy.hpp"

namespace tunescope {

/// How long a sweep and its parts take on so many devices.
struct Simulation {
  double makespan = 0.0;           ///< seconds from start to end
  double lower_bound = 0.0;        ///< no schedule is shorter: the work over all devices, or the longest task
  std::vector<TrialIndex> starts;  ///< in the order in which trials are assigned, over all stages of the job's trials
};

/// A trial of the queue and the seconds of a device's time that it takes.
struct SimulatedTrial {
  QueuedTrial queued;
  double seconds = 0.0;
};

/// Plays the assignment of these trials, in this order, to devices that each train up to `max_co_trained` of a group at
/// once. Co-trained trials have equal shares of their device's time; what they gain is taken to be in the trials'
/// seconds already.
Simulation simulate(const std::vector<SimulatedTrial>& trials, std::size_t devices, std::size_t max_co_trained);

/// The rate that a device is assumed to have if nothing was measured; it scales all times alike.
constexpr double kAssumedFlopPerSecond = 1e13;

/// The seconds of one device's time that the parts of a plan take.
struct PlanTimes {
  struct FisherTime {
    double seconds = 0.0;
    std::int64_t examples = 0;  ///< the run is shared out over all devices, but over no more than these
  };
  std::vector<double> trials;  ///< of the job, by index
  std::vector<std::optional<double>>
      measured_trainings;               ///< of the plan; nothing if it is a trial too or is not needed
  std::vector<FisherTime> fisher_runs;  ///< of the plan
};

/// From measured costs or, if there are none, the assumed rate.
PlanTimes expected_times(const SweepSpec& spec, const SweepPlan& plan, const std::vector<PlannedTrial>& trials,
                         SweepInputs& inputs, const CostModel& costs);

/// A plan that is to be played.
struct SimulatedSweep {
  const SweepPlan& plan;
  const std::vector<PlannedTrial>& trials;  ///< of the job
  const PlanTimes& times;
};

/// Plays a plan stage by stage, as the sweep carries it out.
Simulation simulate_sweep(const SimulatedSweep& sweep, std::size_t devices, std::size_t max_co_trained);

}  // namespace tunescope
