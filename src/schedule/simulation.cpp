#include "tunescope/schedule/simulation.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <queue>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "tunescope/storage/measured_weights.hpp"

namespace tunescope {
namespace {

// A device whose trials have equal shares of its time.
class Device {
 public:
  std::size_t trial_count() const { return trials_.size(); }
  TrialIndex any_trial() const { return trials_.top().second; }

  void start(TrialIndex trial, double seconds) { trials_.emplace(share_ + seconds, trial); }

  double next_end() const { return now_ + (trials_.top().first - share_) * static_cast<double>(trial_count()); }

  // Advances to a time that is not after the next end. Returns the trials that have ended by then.
  std::vector<TrialIndex> advance_to(double time) {
    std::vector<TrialIndex> ended;
    if (trials_.empty()) return ended;
    const bool is_at_end = time >= next_end();
    share_ = is_at_end ? trials_.top().first : share_ + (time - now_) / static_cast<double>(trial_count());
    now_ = time;
    for (; !trials_.empty() && trials_.top().first <= share_; trials_.pop()) ended.push_back(trials_.top().second);
    return ended;
  }

 private:
  using Training = std::pair<double, TrialIndex>;  // the share at which it ends, and the trial
  std::priority_queue<Training, std::vector<Training>, std::greater<>> trials_;
  double now_ = 0.0;
  double share_ = 0.0;  // seconds that a trial which was there from the start has had
};

double sum_of_seconds(const std::vector<SimulatedTrial>& trials) {
  double seconds = 0.0;
  for (const SimulatedTrial& trial : trials) seconds += trial.seconds;
  return seconds;
}

// `work` is a trial or a Fisher run.
template <typename Work>
double seconds_of(const Work& work, double flops, const CostModel& costs) {
  return costs.seconds(work, flops).value_or(flops / kAssumedFlopPerSecond);
}

// Plays the stages that `carry_out` asks for, and adds up what they take.
class StagePlayer {
 public:
  StagePlayer(const SimulatedSweep& sweep, std::size_t devices, std::size_t max_co_trained)
      : sweep_(sweep), devices_(devices), max_co_trained_(max_co_trained) {}

  bool train(const TrialIndices& order) {
    const Simulation stage = play(sweep_.trials, order, [&](TrialIndex i) { return sweep_.times.trials[i]; });
    all_.starts.insert(all_.starts.end(), stage.starts.begin(), stage.starts.end());
    return true;
  }

  bool train_chosen() { return train(sweep_.plan.stand_ins); }

  bool take_turn() const { return true; }
  void end_turn() const {}

  bool train_measured(const std::vector<PlannedTrial>& trainings) {
    TrialIndices order;
    for (TrialIndex i = 0; i < trainings.size(); ++i) {
      if (sweep_.times.measured_trainings[i]) order.push_back(i);
    }
    sort_longest_first(order, trainings);
    play(trainings, order, [&](TrialIndex i) { return *sweep_.times.measured_trainings[i]; });
    return true;
  }

  bool measure() {
    for (const PlanTimes::FisherTime& run : sweep_.times.fisher_runs) {
      const auto shares = static_cast<double>(std::min(devices_, static_cast<std::size_t>(run.examples)));
      all_.makespan += run.seconds / shares;
      seconds_ += run.seconds;
    }
    return true;
  }

  Simulation result() && {
    all_.lower_bound = std::max(all_.lower_bound, seconds_ / static_cast<double>(devices_));
    return std::move(all_);
  }

 private:
  template <typename SecondsOf>
  Simulation play(const std::vector<PlannedTrial>& planned, const TrialIndices& order, const SecondsOf& seconds_of) {
    std::vector<SimulatedTrial> trials;
    for (const QueuedTrial& queued : queue_of(planned, order)) trials.push_back({queued, seconds_of(queued.trial)});
    Simulation stage = simulate(trials, devices_, max_co_trained_);
    all_.makespan += stage.makespan;
    all_.lower_bound = std::max(all_.lower_bound, stage.lower_bound);
    seconds_ += sum_of_seconds(trials);
    return stage;
  }

  const SimulatedSweep& sweep_;
  std::size_t devices_;
  std::size_t max_co_trained_;
  Simulation all_;
  double seconds_ = 0.0;  // of all parts, on one device
};

}  // namespace

Simulation simulate(const std::vector<SimulatedTrial>& trials, std::size_t devices, std::size_t max_co_trained) {
  std::vector<QueuedTrial> queue;
  std::map<TrialIndex, double> seconds;
  for (const SimulatedTrial& trial : trials) {
    queue.push_back(trial.queued);
    seconds[trial.queued.trial] = trial.seconds;
  }
  AssignmentPolicy policy(queue, devices);
  std::vector<Device> played(std::min(devices, trials.size()));
  // When a device looks for a trial next. Of those that look at the same time, the one with the fewest comes first.
  using Look = std::tuple<double, std::size_t, std::size_t>;
  std::priority_queue<Look, std::vector<Look>, std::greater<>> looks;
  for (std::size_t i = 0; i < played.size(); ++i) looks.emplace(0.0, 0, i);
  Simulation result{
      .makespan = 0.0, .lower_bound = sum_of_seconds(trials) / static_cast<double>(devices), .starts = {}};
  while (!looks.empty()) {
    const auto [now, in_training, rank] = looks.top();
    looks.pop();
    Device& device = played[rank];
    for (const TrialIndex trial : device.advance_to(now)) policy.finish(rank, trial);
    result.makespan = std::max(result.makespan, now);
    std::optional<TrialIndex> trial;
    if (device.trial_count() == 0) {
      trial = policy.assign(rank);
    } else if (device.trial_count() < max_co_trained) {
      trial = policy.assign_companion(rank, device.any_trial());
    }
    if (trial) {
      device.start(*trial, seconds.at(*trial));
      result.starts.push_back(*trial);
      result.lower_bound = std::max(result.lower_bound, seconds.at(*trial));
      looks.emplace(now, device.trial_count(), rank);
    } else if (device.trial_count() > 0) {
      looks.emplace(device.next_end(), device.trial_count(), rank);
    }
  }
  return result;
}

PlanTimes expected_times(const SweepSpec& spec, const SweepPlan& plan, const std::vector<PlannedTrial>& trials,
                         SweepInputs& inputs, const CostModel& costs) {
  const JobFolder folder(spec);
  PlanTimes times;
  std::set<std::string> trained;
  for (const PlannedTrial& planned : trials) {
    times.trials.push_back(seconds_of(planned.trial, planned.flops, costs));
    if (!planned.is_finished() && !planned.is_stand_in) trained.insert(planned.id);
  }
  for (const PlannedTrial& training : plan.measured_trainings) {
    const bool is_extra = !trained.contains(training.id) && needs_training(folder, training.id, plan.fisher_runs);
    times.measured_trainings.push_back(is_extra ? std::optional(seconds_of(training.trial, training.flops, costs))
                                                : std::nullopt);
  }
  for (const PlannedFisher& planned : plan.fisher_runs) {
    const TaskData& data = inputs.task(planned.run.training.task);
    const double flops = expected_flops(planned.run, inputs.pass_costs(), data);
    times.fisher_runs.push_back({.seconds = seconds_of(planned.run, flops, costs), .examples = planned.examples});
  }
  return times;
}

Simulation simulate_sweep(const SimulatedSweep& sweep, std::size_t devices, std::size_t max_co_trained) {
  StagePlayer player(sweep, devices, max_co_trained);
  carry_out(sweep.plan, player);
  return std::move(player).result();
}

}  // namespace tunescope
