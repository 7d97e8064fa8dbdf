#include "tunescope/train/evaluate.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <limits>
#include <span>

#include "tunescope/device/failure.hpp"
#include "tunescope/device/host_read.hpp"
#include "tunescope/kernels/training/batch_losses.hpp"
#include "tunescope/train/metrics.hpp"

namespace tunescope {
namespace {

// A GPU needs more rows to be busy. Caches of a CPU are small, and a stop waits for one pass there, and on a GPU for
// the few that its host is ahead.
std::int64_t tokens_per_pass(at::Device device) { return device.is_cpu() ? 4096 : 16384; }

// Calls `work` with all examples. If they do not fit into memory, calls it with each half instead, and so on.
template <typename Work>
void for_each_fitting_part(std::span<const std::int64_t> examples, const Work& work) {
  try {
    work(examples);
    return;
  } catch (const std::exception& error) {
    if (!is_out_of_memory(error) || examples.size() == 1) throw;
  }
  const std::size_t half = examples.size() / 2;
  for_each_fitting_part(examples.first(half), work);
  for_each_fitting_part(examples.subspan(half), work);
}

}  // namespace

std::optional<Predictions> predict(const EvaluatedModel& model, const Dataset& dataset, const Task& task,
                                   const std::function<bool()>& keep_going) {
  const at::Device device = model.parameters.front().device();
  const at::Tensor logits =
      at::empty({dataset.size(), task.output_size()}, at::TensorOptions(at::kFloat).device(device));
  const auto predict_part = [&](std::span<const std::int64_t> examples) {
    const PackedBatch batch = pack(dataset, examples, task.is_regression());
    logits.narrow(0, examples.front(), static_cast<std::int64_t>(examples.size()))
        .copy_(evaluate_logits(model.network, {.parameters = model.parameters,
                                               .batch = batch,
                                               .bfloat16_weights = model.bfloat16_weights,
                                               .additions = model.additions,
                                               .packed_weights = model.packed_weights}));
  };
  for (const auto& examples : split_by_tokens(dataset, tokens_per_pass(device))) {
    if (!keep_going()) return std::nullopt;
    for_each_fitting_part(examples, predict_part);
  }
  const at::Tensor on_host = read_tensor(HostRead::kLogits, logits);
  const float* const values = on_host.const_data_ptr<float>();
  return Predictions{
      .output_size = task.output_size(), .logits = {values, values + on_host.numel()}, .labels = dataset.labels};
}

std::vector<double> decide(const Predictions& predictions, const Task& task) {
  std::vector<double> decisions;
  decisions.reserve(predictions.labels.size());
  for (std::size_t i = 0; i < predictions.labels.size(); ++i) {
    const auto row = predictions.logits.begin() + static_cast<std::ptrdiff_t>(i) * predictions.output_size;
    decisions.push_back(
        task.is_regression() ? *row : static_cast<double>(std::max_element(row, row + predictions.output_size) - row));
  }
  return decisions;
}

double mean_loss(const Predictions& predictions, const Task& task) {
  const auto count = static_cast<std::int64_t>(predictions.labels.size());
  const auto options = at::TensorOptions().dtype(at::kFloat);
  const at::Tensor logits =
      at::from_blob(const_cast<float*>(predictions.logits.data()), {count, predictions.output_size}, options);
  const at::Tensor labels = at::from_blob(const_cast<float*>(predictions.labels.data()), {count}, options);
  return batch_loss(logits, task.is_regression() ? labels : labels.to(at::kLong)).value();
}

double compute_score(Metric metric, const Predictions& predictions, const Task& task) {
  const std::vector<double> labels(predictions.labels.begin(), predictions.labels.end());
  return compute_metric(metric, decide(predictions, task), labels);
}

Scores compute_scores(const Predictions& predictions, const Predictions& mismatched, const Task& task) {
  Scores scores(all_metrics().size(), std::numeric_limits<double>::quiet_NaN());
  for (const Metric metric : task.metrics) {
    const Predictions& used = metric == Metric::kAccuracyMismatched ? mismatched : predictions;
    scores[static_cast<std::size_t>(metric)] = compute_score(metric, used, task);
  }
  return scores;
}

}  // namespace tunescope
