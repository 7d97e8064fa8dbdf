#include "tunescope/train/metrics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "tunescope/base/error.hpp"

namespace tunescope {
namespace {

// Counts of a two-class confusion matrix. They are doubles because their products would overflow integers.
struct Confusion {
  double true_positive = 0, false_positive = 0, false_negative = 0, true_negative = 0;
};

Confusion confusion(std::span<const double> predictions, std::span<const double> labels) {
  Confusion counts;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const bool predicted = predictions[i] == 1.0;
    const bool actual = labels[i] == 1.0;
    double& cell = predicted ? (actual ? counts.true_positive : counts.false_positive)
                             : (actual ? counts.false_negative : counts.true_negative);
    cell += 1.0;
  }
  return counts;
}

std::vector<double> ranks(std::span<const double> values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  std::vector<double> result(values.size());
  for (std::size_t first = 0; first < order.size();) {
    std::size_t last = first;
    while (last + 1 < order.size() && values[order[last + 1]] == values[order[first]]) ++last;
    for (std::size_t i = first; i <= last; ++i) result[order[i]] = static_cast<double>(first + last) / 2.0;
    first = last + 1;
  }
  return result;
}

double mean(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

}  // namespace

double accuracy(std::span<const double> predictions, std::span<const double> labels) {
  double equal = 0.0;
  for (std::size_t i = 0; i < labels.size(); ++i) equal += predictions[i] == labels[i] ? 1.0 : 0.0;
  return equal / static_cast<double>(labels.size());
}

double f1(std::span<const double> predictions, std::span<const double> labels) {
  const Confusion c = confusion(predictions, labels);
  const double denominator = 2.0 * c.true_positive + c.false_positive + c.false_negative;
  return denominator == 0.0 ? 0.0 : 2.0 * c.true_positive / denominator;
}

double matthews(std::span<const double> predictions, std::span<const double> labels) {
  const Confusion c = confusion(predictions, labels);
  const double denominator = std::sqrt((c.true_positive + c.false_positive) * (c.true_positive + c.false_negative)) *
                             std::sqrt((c.true_negative + c.false_positive) * (c.true_negative + c.false_negative));
  if (denominator == 0.0) return 0.0;
  return (c.true_positive * c.true_negative - c.false_positive * c.false_negative) / denominator;
}

double pearson(std::span<const double> predictions, std::span<const double> labels) {
  constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();
  if (labels.size() < 2) return kUndefined;
  const double prediction_mean = mean(predictions);
  const double label_mean = mean(labels);
  double covariance = 0.0;
  double prediction_variance = 0.0;
  double label_variance = 0.0;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const double x = predictions[i] - prediction_mean;
    const double y = labels[i] - label_mean;
    covariance += x * y;
    prediction_variance += x * x;
    label_variance += y * y;
  }
  const auto is_constant = [](std::span<const double> values) {
    return std::all_of(values.begin(), values.end(), [&](double value) { return value == values.front(); });
  };
  if (is_constant(predictions) || is_constant(labels)) return kUndefined;
  return std::clamp(covariance / (std::sqrt(prediction_variance) * std::sqrt(label_variance)), -1.0, 1.0);
}

double spearman(std::span<const double> predictions, std::span<const double> labels) {
  return pearson(ranks(predictions), ranks(labels));
}

double compute_metric(Metric metric, std::span<const double> predictions, std::span<const double> labels) {
  switch (metric) {
    case Metric::kAccuracy:
    case Metric::kAccuracyMismatched:
      return accuracy(predictions, labels);
    case Metric::kF1:
      return f1(predictions, labels);
    case Metric::kMatthews:
      return matthews(predictions, labels);
    case Metric::kPearson:
      return pearson(predictions, labels);
    case Metric::kSpearman:
      return spearman(predictions, labels);
  }
  throw Error("unknown metric");
}

}  // namespace tunescope
