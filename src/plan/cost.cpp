#include "tunescope/plan/cost.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "tunescope/model/pass.hpp"
#include "tunescope/train/batch_order.hpp"
#include "tunescope/train/trainer.hpp"

namespace tunescope {
namespace {

// In descending order.
std::vector<std::int64_t> sorted_lengths(const Dataset& dataset) {
  std::vector<std::int64_t> lengths(dataset.offsets.size());
  std::adjacent_difference(dataset.offsets.begin(), dataset.offsets.end(), lengths.begin());
  lengths.erase(lengths.begin());  // the first offset
  std::ranges::sort(lengths, std::greater<>());
  return lengths;
}

// The lengths of the longest batch that the order of examples could bring together.
std::vector<std::int64_t> longest_batch(const Dataset& dataset, std::int64_t batch_size) {
  std::vector<std::int64_t> lengths = sorted_lengths(dataset);
  if (batch_size < static_cast<std::int64_t>(lengths.size())) lengths.resize(static_cast<std::size_t>(batch_size));
  return lengths;
}

// The rows of distances of a batch, on average over batches: they follow from its longest sequence.
double expected_distances(const Dataset& dataset, std::int64_t batch_size, const PassCosts& costs) {
  const std::vector<std::int64_t> lengths = sorted_lengths(dataset);
  const auto all_are_shorter = [&](std::size_t longer) {
    const auto share = static_cast<double>(lengths.size() - longer) / static_cast<double>(lengths.size());
    return std::pow(share, static_cast<double>(batch_size));
  };
  double expected = 0.0;
  for (std::size_t i = 0; i < lengths.size();) {
    const std::size_t first = i;
    while (i < lengths.size() && lengths[i] == lengths[first]) ++i;
    expected += costs.distance_rows(lengths[first]) * (all_are_shorter(first) - all_are_shorter(i));
  }
  return expected;
}

// The rows of distances of all groups of so many consecutive examples.
double distances_of_groups(const Dataset& dataset, std::int64_t group_size, const PassCosts& costs) {
  double sum = 0.0;
  std::int64_t longest = 0;
  for (std::int64_t i = 0; i < dataset.size(); ++i) {
    const auto place = static_cast<std::size_t>(i);
    longest = std::max(longest, dataset.offsets[place + 1] - dataset.offsets[place]);
    if ((i + 1) % group_size != 0 && i + 1 < dataset.size()) continue;
    sum += costs.distance_rows(longest);
    longest = 0;
  }
  return sum;
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

PassCosts::Rows rows_of(const Dataset& dataset, double distances) {
  return {dataset.token_count(), dataset.size(), distances};
}

// What decides the rate of a Fisher run.
std::string rate_kind(const FisherRun& run) {
  return fmt::format("{} {} {} {}", fisher_mode_name(run.mode), run.batch_size, run.parameters,
                     to_string(run.precision));
}

}  // namespace

double expected_flops(const Trial& trial, PassCosts& costs, const TaskData& data) {
  const auto of = [&](const Dataset& dataset, double distances) {
    return costs.training_flops(trial.method, data.task->output_size(), rows_of(dataset, distances));
  };
  const std::int64_t examples = data.train.size();
  const std::int64_t batch_size = trial.options.batch_size;
  const auto batches = static_cast<double>(steps_per_epoch(examples, batch_size));
  const PassFlops of_train = of(data.train, batches * expected_distances(data.train, batch_size, costs));
  const std::int64_t steps = total_steps(trial.options, examples);
  const double epochs = static_cast<double>(steps) / batches;
  const double training = (of_train.forward + of_train.backward) * epochs;
  // After each interval, and once more if the last step falls between two.
  const std::int64_t interval = evaluation_interval(trial.options, examples);
  const auto evaluations = static_cast<double>((steps + interval - 1) / interval);
  // Evaluation has few passes, and so few distances.
  double evaluation = 0.0;
  for (const Dataset* const evaluated : {&data.dev, &data.mismatched_dev, &data.selection}) {
    evaluation += of(*evaluated, 0.0).forward;
  }
  return training + evaluations * evaluation;
}

double expected_flops(const FisherRun& run, PassCosts& costs, const TaskData& data) {
  const std::int64_t outputs = data.task->output_size();
  const PassCosts::Rows rows = rows_of(data.train, distances_of_groups(data.train, run.batch_size, costs));
  const PassFlops flops = costs.fisher_flops(run.training.method, run.parameters, outputs, rows);
  const auto passes = static_cast<double>(run.mode == FisherMode::kTrue ? outputs : run.draws);
  const auto all = static_cast<double>(data.train.size());
  const double share = run.examples > 0 ? static_cast<double>(run.examples) / all : 1.0;
  return (flops.forward + passes * flops.backward) * share;
}

double expected_added_bytes(const Trial& trial, PassCosts& costs, const TaskData& data) {
  return costs.training_bytes(trial.method, data.task->output_size(),
                              longest_batch(data.train, trial.options.batch_size), trial.options.dropout);
}

void CostModel::add(Rates& rates, const std::string& task, const std::string& kind, double rate) {
  rates[{task, kind}].push_back(rate);
  rates[{"", kind}].push_back(rate);
}

std::optional<double> CostModel::find(const Rates& rates, const std::string& task, const std::string& kind) {
  auto found = rates.find({task, kind});
  if (found == rates.end()) found = rates.find({"", kind});
  return found == rates.end() ? std::nullopt : std::optional(median(found->second));
}

void CostModel::add(const Trial& trial, const Measurement& measurement) {
  if (measurement.flops <= 0.0 || measurement.seconds <= 0.0) return;
  const double rate = measurement.seconds / measurement.flops;
  add(trials_, trial.task, trial.method.text(), rate);
  all_trials_.push_back(rate);
}

void CostModel::add(const FisherRun& run, const Measurement& measurement) {
  if (measurement.flops <= 0.0 || measurement.seconds <= 0.0) return;
  add(fisher_runs_, run.training.task, rate_kind(run), measurement.seconds / measurement.flops);
}

std::optional<double> CostModel::seconds(const Trial& trial, double flops) const {
  if (const auto rate = find(trials_, trial.task, trial.method.text())) return flops * *rate;
  if (all_trials_.empty()) return std::nullopt;
  return flops * median(all_trials_);
}

std::optional<double> CostModel::seconds(const FisherRun& run, double flops) const {
  if (const auto rate = find(fisher_runs_, run.training.task, rate_kind(run))) return flops * *rate;
  return seconds(run.training, flops);
}

}  // namespace tunescope
