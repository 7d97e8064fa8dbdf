#include "tunescope/train/metrics.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace tunescope {
namespace {

constexpr double kTolerance = 1e-12;

// Values of scikit-learn and SciPy, by tests/golden/train/make_metrics_golden.py.
nlohmann::json golden_cases(const char* kind) {
  std::ifstream file(std::filesystem::path(TUNESCOPE_SOURCE_DIR) / "tests/golden/train/metrics.json");
  return nlohmann::json::parse(file).at(kind);
}

void expect_as_golden(const nlohmann::json& golden, const char* key, Metric metric) {
  if (!golden.contains(key)) return;
  SCOPED_TRACE(golden.at("name").get<std::string>() + ": " + key);
  const auto predictions = golden.at("predictions").get<std::vector<double>>();
  const auto labels = golden.at("labels").get<std::vector<double>>();
  const double value = compute_metric(metric, predictions, labels);
  if (golden.at(key).is_null()) {
    EXPECT_TRUE(std::isnan(value)) << value;
  } else {
    EXPECT_NEAR(value, golden.at(key).get<double>(), kTolerance);
  }
}

TEST(Metrics, AccuracyIsThatOfScikitLearn) {
  for (const auto& golden : golden_cases("classification")) expect_as_golden(golden, "accuracy", Metric::kAccuracy);
}

TEST(Metrics, F1IsThatOfScikitLearn) {
  for (const auto& golden : golden_cases("classification")) expect_as_golden(golden, "f1", Metric::kF1);
}

TEST(Metrics, MatthewsCorrelationIsThatOfScikitLearn) {
  for (const auto& golden : golden_cases("classification")) expect_as_golden(golden, "matthews", Metric::kMatthews);
}

TEST(Metrics, PearsonCorrelationIsThatOfSciPy) {
  for (const auto& golden : golden_cases("regression")) expect_as_golden(golden, "pearson", Metric::kPearson);
}

TEST(Metrics, SpearmanCorrelationIsThatOfSciPy) {
  for (const auto& golden : golden_cases("regression")) expect_as_golden(golden, "spearman", Metric::kSpearman);
}

TEST(Metrics, MismatchedAccuracyIsAccuracyOfTheGivenSet) {
  const std::vector<double> predictions = {0, 1, 2, 2};
  const std::vector<double> labels = {0, 2, 2, 1};
  EXPECT_EQ(compute_metric(Metric::kAccuracyMismatched, predictions, labels), 0.5);
}

TEST(Metrics, MatthewsCorrelationOfMillionsOfPairsDoesNotOverflow) {
  std::vector<double> labels(2'000'000, 0.0);
  for (std::size_t i = 0; i < labels.size(); i += 2) labels[i] = 1.0;
  EXPECT_NEAR(matthews(labels, labels), 1.0, kTolerance);
}

TEST(Metrics, CorrelationsAreNotANumberForFewerThanTwoPairs) {
  const std::vector<double> none;
  const std::vector<double> one = {3.0};
  EXPECT_TRUE(std::isnan(pearson(none, none)));
  EXPECT_TRUE(std::isnan(spearman(none, none)));
  EXPECT_TRUE(std::isnan(pearson(one, one)));
  EXPECT_TRUE(std::isnan(spearman(one, one)));
}

}  // namespace
}  // namespace tunescope
