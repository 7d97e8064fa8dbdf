#include "tunescope/sweep/simulation.hpp"

#include <algorithm>
#include <functional>
#include <queue>
#include <set>
#include <string>
#include <tuple>

#include "tunescope/sweep/dealer.hpp"
#include "tunescope/sweep/fisher_sources.hpp"

namespace tunescope {
namespace {

// A device whose trials have equal shares of its time.
class Device {
 public:
  std::size_t lanes() const { return trials_.size(); }
  std::size_t any_trial() const { return trials_.top().second; }

  void start(std::size_t trial, double seconds) { trials_.emplace(share_ + seconds, trial); }

  double next_end() const { return now_ + (trials_.top().first - share_) * static_cast<double>(lanes()); }

  /// Goes on to a time that is not after the next end. Returns the trials that have ended by then.
  std::vector<std::size_t> go_on_to(double time) {
    std::vector<std::size_t> ended;
    if (trials_.empty()) return ended;
    const bool is_at_end = time >= next_end();
    share_ = is_at_end ? trials_.top().first : share_ + (time - now_) / static_cast<double>(lanes());
    now_ = time;
    for (; !trials_.empty() && trials_.top().first <= share_; trials_.pop()) ended.push_back(trials_.top().second);
    return ended;
  }

 private:
  using Lane = std::pair<double, std::size_t>;  // the share at which it ends, and the trial
  std::priority_queue<Lane, std::vector<Lane>, std::greater<>> trials_;
  double now_ = 0.0;
  double share_ = 0.0;  // seconds that a lane which was there from the start has had
};

double sum_of_seconds(const std::vector<SimulatedTrial>& trials) {
  double seconds = 0.0;
  for (const SimulatedTrial& trial : trials) seconds += trial.seconds;
  return seconds;
}

double seconds_of(const Trial& trial, double flops, const CostModel& costs) {
  return costs.seconds(trial, flops).value_or(flops / kAssumedFlopsASecond);
}

std::vector<SimulatedTrial> longest_first(const std::vector<PlannedTrial>& trials, Order order,
                                          const CostModel& costs) {
  sort_longest_first(order, trials);
  std::vector<SimulatedTrial> simulated;
  for (const std::size_t i : order) {
    simulated.push_back({.flops = trials[i].flops,
                         .seconds = seconds_of(trials[i].trial, trials[i].flops, costs),
                         .lane_group = trials[i].lane_group});
  }
  return simulated;
}

}  // namespace

Simulation simulate(const std::vector<SimulatedTrial>& trials, std::size_t devices, std::size_t lanes) {
  const TrialList list{.count = trials.size(),
                       .work = [&](std::size_t trial) { return trials[trial].flops; },
                       .lane_group = [&](std::size_t trial) { return trials[trial].lane_group; }};
  TrialDealer dealer(list, devices);
  std::vector<Device> played(std::min(devices, trials.size()));
  // When a device looks for a trial next. Of those that look at the same time, the one with the fewest comes first.
  using Look = std::tuple<double, std::size_t, std::size_t>;
  std::priority_queue<Look, std::vector<Look>, std::greater<>> looks;
  for (std::size_t i = 0; i < played.size(); ++i) looks.emplace(0.0, 0, i);
  Simulation result{.makespan = 0.0, .lower_bound = sum_of_seconds(trials) / static_cast<double>(devices)};
  while (!looks.empty()) {
    const auto [now, held, rank] = looks.top();
    looks.pop();
    Device& device = played[rank];
    for (const std::size_t trial : device.go_on_to(now)) dealer.finish(rank, trial);
    result.makespan = std::max(result.makespan, now);
    std::optional<std::size_t> trial;
    if (device.lanes() == 0) {
      trial = dealer.next(rank);
    } else if (device.lanes() < lanes) {
      trial = dealer.next_beside(rank, device.any_trial());
    }
    if (trial) {
      device.start(*trial, trials[*trial].seconds);
      result.lower_bound = std::max(result.lower_bound, trials[*trial].seconds);
      looks.emplace(now, device.lanes(), rank);
    } else if (device.lanes() > 0) {
      looks.emplace(device.next_end(), device.lanes(), rank);
    }
  }
  return result;
}

SweepWork work_to_do(const SweepSpec& spec, const std::vector<PlannedFisher>& fisher,
                     const std::vector<PlannedTrial>& trials, SweepInputs& inputs, const CostModel& costs) {
  Order now, waiting;
  std::set<std::string> trained;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    if (is_finished(trials[i])) continue;
    (chooses_by_pending(trials[i].trial, fisher) ? waiting : now).push_back(i);
    trained.insert(trials[i].id);
  }
  const std::vector<PlannedTrial> sources = fisher_sources(fisher, inputs);
  Order others;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    if (!trained.contains(sources[i].id) && has_to_train(spec, sources[i], fisher)) others.push_back(i);
  }
  SweepWork work{.trials = longest_first(trials, now, costs),
                 .sources = longest_first(sources, others, costs),
                 .fisher_runs = {},
                 .waiting = longest_first(trials, waiting, costs)};
  for (const PlannedFisher& planned : fisher) {
    if (planned.is_done) continue;
    const TaskData& data = inputs.task(planned.run.source.task);
    const double flops = expected_flops(planned.run, inputs.catalogue(*data.task), data);
    work.fisher_runs.push_back(
        {.seconds = seconds_of(planned.run.source, flops, costs), .examples = examples_of(planned.run, inputs)});
  }
  return work;
}

Simulation simulate_sweep(const SweepWork& work, std::size_t devices, std::size_t lanes) {
  Simulation all;
  double seconds = 0.0;
  for (const std::vector<SimulatedTrial>* stage : {&work.trials, &work.sources, &work.waiting}) {
    const Simulation simulation = simulate(*stage, devices, lanes);
    all.makespan += simulation.makespan;
    all.lower_bound = std::max(all.lower_bound, simulation.lower_bound);
    seconds += sum_of_seconds(*stage);
  }
  for (const SweepWork::Shared& run : work.fisher_runs) {
    const double shares = static_cast<double>(std::min(devices, static_cast<std::size_t>(run.examples)));
    all.makespan += run.seconds / shares;
    seconds += run.seconds;
  }
  all.lower_bound = std::max(all.lower_bound, seconds / static_cast<double>(devices));
  return all;
}

}  // namespace tunescope
