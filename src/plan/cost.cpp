#include "tunescope/plan/cost.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <numeric>

#include "tunescope/model/pass.hpp"
#include "tunescope/train/batch_order.hpp"
#include "tunescope/train/trainer.hpp"

namespace tunescope {
namespace {

constexpr std::int64_t kMeasuredSteps = 6;
constexpr std::int64_t kMeasuredDevExamples = 64;

// The longest batch that the order of examples could bring together.
struct LongestBatch {
  std::int64_t tokens = 0;
  std::int64_t pairs = 0;  // of tokens of one sequence
};

LongestBatch longest_batch(const Dataset& dataset, std::int64_t batch_size) {
  std::vector<std::int64_t> lengths(dataset.offsets.size());
  std::adjacent_difference(dataset.offsets.begin(), dataset.offsets.end(), lengths.begin());
  std::sort(lengths.begin() + 1, lengths.end(), std::greater<>());
  LongestBatch batch;
  for (std::size_t i = 1; i < lengths.size() && static_cast<std::int64_t>(i) <= batch_size; ++i) {
    batch.tokens += lengths[i];
    batch.pairs += lengths[i] * lengths[i];
  }
  return batch;
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

struct Flops {
  double forward = 0.0;
  double backward = 0.0;
};

// The matrix products of a token, and those of a sequence as a whole.
struct PassFlops {
  Flops token, sequence;

  Flops of(const Dataset& dataset) const {
    const auto tokens = static_cast<double>(dataset.token_count());
    const auto sequences = static_cast<double>(dataset.size());
    return {token.forward * tokens + sequence.forward * sequences,
            token.backward * tokens + sequence.backward * sequences};
  }
};

// `is_trained` by catalogue index.
PassFlops pass_flops(const ParameterCatalogue& catalogue, const std::vector<bool>& is_trained, LastLayer last_layer) {
  const auto has_row_per_token = [&](RowsOf rows) {
    return rows == RowsOf::kTokens || (rows == RowsOf::kLeavingTokens && last_layer == LastLayer::kAllTokens);
  };
  PassFlops pass;
  bool is_below_trained = false;
  for (ParameterIndex i = 0; i < catalogue.size(); ++i) {
    is_below_trained = is_below_trained || is_trained[i];
    if (!catalogue[i].is_matrix()) continue;
    const auto operations = static_cast<double>(2 * catalogue[i].size());
    Flops& flops = has_row_per_token(catalogue[i].rows) ? pass.token : pass.sequence;
    flops.forward += operations;
    flops.backward += (is_below_trained ? operations : 0.0) + (is_trained[i] ? operations : 0.0);
  }
  return pass;
}

double train_and_time(const Trial& trial, SweepInputs& inputs, const TaskData& data) {
  const auto begin = std::chrono::steady_clock::now();
  train({.model = inputs.model(),
         .catalogue = inputs.catalogue(*data.task),
         .data = data,
         .method = trial.method,
         .learning_rate = trial.learning_rate,
         .seed = trial.seed,
         .options = trial.options,
         .bfloat16_weights = inputs.bfloat16_weights()},
        {});
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace

double expected_flops(const Trial& trial, const ParameterCatalogue& catalogue, const TaskData& data) {
  const Selection selection = planning_stand_in_selection(trial.method, catalogue);
  std::vector<bool> is_trained;
  for (const TensorSelection& tensor : selection) is_trained.push_back(tensor.kind != TensorSelection::Kind::kNone);
  const PassFlops pass = pass_flops(catalogue, is_trained, LastLayer::kPooledTokens);
  const Flops of_train = pass.of(data.train);
  const std::int64_t examples = data.train.size();
  const std::int64_t steps = total_steps(trial.options, examples);
  const double epochs =
      static_cast<double>(steps) / static_cast<double>(steps_per_epoch(examples, trial.options.batch_size));
  const double training = (of_train.forward + of_train.backward) * epochs;
  // After each interval, and once more if the last step falls between two.
  const std::int64_t interval = evaluation_interval(trial.options, examples);
  const auto evaluations = static_cast<double>((steps + interval - 1) / interval);
  return training + evaluations * (pass.of(data.dev).forward + pass.of(data.mismatched_dev).forward);
}

double expected_flops(const FisherRun& run, const ParameterCatalogue& catalogue, const TaskData& data) {
  const auto [forward, backward] =
      pass_flops(catalogue, group_members(run.parameters, catalogue), LastLayer::kAllTokens).of(data.train);
  const auto passes = static_cast<double>(run.mode == FisherMode::kTrue ? data.task->output_size() : 1);
  const auto all = static_cast<double>(data.train.size());
  const double share = run.examples > 0 ? static_cast<double>(run.examples) / all : 1.0;
  return (forward + passes * backward) * share;
}

double expected_bytes(const Trial& trial, const NetworkLimits& limits, const ParameterCatalogue& catalogue,
                      const TaskData& data) {
  const double model = static_cast<double>(catalogue.total_size()) * sizeof(float);
  return model + expected_added_bytes(trial, limits, catalogue, data);
}

double expected_added_bytes(const Trial& trial, const NetworkLimits& limits, const ParameterCatalogue& catalogue,
                            const TaskData& data) {
  const Selection selection = planning_stand_in_selection(trial.method, catalogue);
  std::int64_t buffers = 4 * trainable_count(selection, catalogue);
  for (ParameterIndex i = 0; i < catalogue.size(); ++i) {
    if (selection[i].kind != TensorSelection::Kind::kSubset) continue;
    // A copy of the tensor, a gradient of all of it, and indices of two numbers' size.
    buffers += 2 * catalogue[i].size() + 2 * selection[i].count(catalogue[i].size());
  }
  // A layer keeps its input, query, key, value, context, both LayerNorm inputs and the output between them, the
  // intermediate values before and after the activation, and the probabilities of attention, the last one only input,
  // key and value; the backward pass holds half of the former again for one layer, and its probabilities twice.
  const std::int64_t per_layer = 8 * limits.hidden_size + 2 * limits.intermediate_size;
  const std::int64_t whole_layers = limits.layers - 1;
  const std::int64_t per_token = (1 + 3) * limits.hidden_size + per_layer * whole_layers + per_layer / 2;
  const std::int64_t per_pair = limits.attention_heads * (whole_layers + 2);
  const LongestBatch batch = longest_batch(data.train, trial.options.batch_size);
  const std::int64_t numbers = buffers + per_token * batch.tokens + per_pair * batch.pairs;
  return static_cast<double>(numbers) * sizeof(float);
}

void CostModel::add(const Trial& trial, double flops, double seconds) {
  if (flops <= 0.0 || seconds <= 0.0) return;
  const double rate = seconds / flops;
  by_task_and_method_[{trial.task, trial.method.text()}].push_back(rate);
  by_method_[trial.method.text()].push_back(rate);
  all_.push_back(rate);
}

std::optional<double> CostModel::seconds(const Trial& trial, double flops) const {
  const std::string method = trial.method.text();
  if (const auto same = by_task_and_method_.find({trial.task, method}); same != by_task_and_method_.end()) {
    return flops * median(same->second);
  }
  if (const auto same = by_method_.find(method); same != by_method_.end()) return flops * median(same->second);
  if (all_.empty()) return std::nullopt;
  return flops * median(all_);
}

Measurement measure_first_steps(Trial trial, SweepInputs& inputs) {
  const TaskData& whole = inputs.task(trial.task);
  TaskData data = whole;
  data.train = subsample(whole.train, std::min(whole.train.size(), kMeasuredSteps * trial.options.batch_size));
  data.dev = subsample(whole.dev, std::min(whole.dev.size(), kMeasuredDevExamples));
  data.mismatched_dev = subsample(whole.mismatched_dev, std::min(whole.mismatched_dev.size(), kMeasuredDevExamples));
  trial.method = planning_stand_in(trial.method);
  const auto measure = [&](std::int64_t steps) -> Measurement {
    trial.options.max_steps = steps;
    trial.options.evaluate_every = steps;  // one evaluation each
    const double seconds = train_and_time(trial, inputs, data);
    return {.flops = expected_flops(trial, inputs.catalogue(*data.task), data), .seconds = seconds};
  };
  measure(1);  // threads, memory and caches warm up
  const Measurement first = measure(1);
  const Measurement all = measure(kMeasuredSteps);
  return {.flops = all.flops - first.flops, .seconds = all.seconds - first.seconds};  // without what happens once
}

}  // namespace tunescope
