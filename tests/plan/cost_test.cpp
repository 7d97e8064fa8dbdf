#include "tunescope/plan/cost.hpp"

#include <gtest/gtest.h>

#include "support/small_config.hpp"

namespace tunescope {
namespace {

Trial trial(const std::string& task, const std::string& method) {
  Trial result;
  result.task = task;
  result.method = parse_method(method);
  return result;
}

TEST(CostModel, PredictsFromTheNearestMeasuredTrials) {
  CostModel model;
  EXPECT_FALSE(model.seconds(trial("RTE", "full"), 100.0));
  model.add(trial("CoLA", "head"), 10.0, 10.0);
  EXPECT_DOUBLE_EQ(model.seconds(trial("RTE", "full"), 100.0).value(), 100.0);  // of all
  model.add(trial("CoLA", "full"), 10.0, 20.0);
  EXPECT_DOUBLE_EQ(model.seconds(trial("RTE", "full"), 100.0).value(), 200.0);  // of the method
  for (const double seconds : {30.0, 1000.0, 20.0}) model.add(trial("RTE", "full"), 10.0, seconds);
  EXPECT_DOUBLE_EQ(model.seconds(trial("RTE", "full"), 100.0).value(), 300.0);  // the median of its own
}

TEST(CostModel, IgnoresTrialsWithoutTimeOrWork) {
  CostModel model;
  model.add(trial("RTE", "full"), 0.0, 1.0);
  model.add(trial("RTE", "full"), 1.0, 0.0);
  EXPECT_FALSE(model.seconds(trial("RTE", "full"), 100.0));
}

// Weights of a small model: of a layer's query, key and value, of the rest of it, of pooler and head.
constexpr double kProjection = 4 * 4;
constexpr double kRestOfLayer = 4 * 4 + 2 * 4 * 6;
constexpr double kAboveEncoder = 4 * 4 + 2 * 4;

// Two sequences of ten tokens in all.
TaskData small_data() {
  TaskData data;
  data.task = &find_task("RTE");
  data.train.offsets = {0, 6, 10};
  return data;
}

// 2 floating-point operations a weight and token forward, 4 for each backward pass.
TEST(ExpectedFlops, OfAFisherRunAreThoseOfItsPassesOverItsExamples) {
  const double products = 2 * (3 * kProjection + kRestOfLayer) * 10 + kAboveEncoder * 2;
  FisherRun run{.training = trial("RTE", "full"), .examples = 0, .parameters = canonical_group("all"), .keep = {}};
  const ParameterCatalogue catalogue = test::small_catalogue(2);
  EXPECT_DOUBLE_EQ(expected_flops(run, catalogue, small_data()), 6 * products);
  run.examples = 1;
  EXPECT_DOUBLE_EQ(expected_flops(run, catalogue, small_data()), 6 * products / 2);
  run.mode = FisherMode::kTrue;
  EXPECT_DOUBLE_EQ(expected_flops(run, catalogue, small_data()), (2 + 2 * 4) * products / 2);
}

// Of the last layer only the keys and values are all tokens'.
TEST(ExpectedFlops, OfATrialLeaveOutTheTokensThatTheHeadDoesNotRead) {
  const double first_layer = 3 * kProjection + kRestOfLayer;
  const double products = (first_layer + 2 * kProjection) * 10 + (kProjection + kRestOfLayer + kAboveEncoder) * 2;
  Trial whole = trial("RTE", "full");
  whole.options.epochs = 3;
  const ParameterCatalogue catalogue = test::small_catalogue(2);
  EXPECT_DOUBLE_EQ(expected_flops(whole, catalogue, small_data()), 3 * 6 * products);
}

}  // namespace
}  // namespace tunescope
