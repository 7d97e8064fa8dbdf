#include "tunescope/train/parameter_change.hpp"

#include <ATen/ops/empty.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace tunescope {
namespace {

at::Tensor float_tensor(const std::vector<float>& values) {
  at::Tensor tensor = at::empty({static_cast<std::int64_t>(values.size())}, at::TensorOptions().dtype(at::kFloat));
  std::copy(values.begin(), values.end(), tensor.mutable_data_ptr<float>());
  return tensor;
}

ParameterChange change_between(const at::Tensor& initial, const at::Tensor& trained) {
  return measure_parameter_changes({initial}, {trained}).front();
}

void expect_close(double value, double expected, const char* measure) {
  EXPECT_NEAR(value, expected, 1e-12 * std::max(1.0, std::abs(expected))) << measure;
}

// Float64 values of NumPy, by tests/golden/train/make_change_golden.py.
TEST(ParameterChange, IsThatOfTheFloat64Reference) {
  std::ifstream file(std::filesystem::path(TUNESCOPE_SOURCE_DIR) / "tests/golden/train/change.json");
  const nlohmann::json golden = nlohmann::json::parse(file);
  for (const auto& wanted : golden.at("cases")) {
    SCOPED_TRACE(wanted.at("name").get<std::string>());
    const ParameterChange change = change_between(float_tensor(wanted.at("initial").get<std::vector<float>>()),
                                                  float_tensor(wanted.at("final").get<std::vector<float>>()));
    expect_close(change.mean_abs, wanted.at("mean_abs").get<double>(), "mean_abs");
    expect_close(change.rms, wanted.at("rms").get<double>(), "rms");
    expect_close(change.max_abs, wanted.at("max_abs").get<double>(), "max_abs");
    if (wanted.at("relative_l2").is_null()) {
      EXPECT_EQ(change.relative_l2, std::numeric_limits<double>::infinity());
    } else {
      expect_close(change.relative_l2, wanted.at("relative_l2").get<double>(), "relative_l2");
    }
  }
}

TEST(ParameterChange, FollowsItsFormulasOnWholeNumbers) {
  // Differences 3 and -4 from a start of norm 10.
  const ParameterChange change = change_between(float_tensor({6, 8}), float_tensor({9, 4}));
  EXPECT_EQ(change.mean_abs, 3.5);
  EXPECT_DOUBLE_EQ(change.rms, 5.0 / std::sqrt(2.0));
  EXPECT_DOUBLE_EQ(change.relative_l2, 0.5);
  EXPECT_EQ(change.max_abs, 4.0);
}

TEST(ParameterChange, DoesNotDependOnTheTensorsStrides) {
  const at::Tensor initial = float_tensor({1, 2, 3, 4, 5, 6}).view({2, 3});
  const at::Tensor moved = float_tensor({1, 2, 3, 4, 5, 16}).view({2, 3});
  const ParameterChange change = change_between(initial.t(), moved.t());
  EXPECT_EQ(change.max_abs, 10.0);
  EXPECT_DOUBLE_EQ(change.mean_abs, 10.0 / 6.0);
}

TEST(ParameterChange, IsMeasuredOfEachTensorAndIsNoneWhereItIsShared) {
  const at::Tensor shared = float_tensor({1, std::numeric_limits<float>::infinity()});
  const std::vector<ParameterChange> changes = measure_parameter_changes(
      {float_tensor({1}), shared, float_tensor({2, 2})}, {float_tensor({3}), shared, float_tensor({2, 8})});
  ASSERT_EQ(changes.size(), 3U);
  EXPECT_EQ(changes[0].mean_abs, 2.0);
  EXPECT_EQ(changes[1].mean_abs, 0.0);
  EXPECT_EQ(changes[1].relative_l2, 0.0);
  EXPECT_EQ(changes[2].mean_abs, 3.0);
  EXPECT_EQ(changes[2].max_abs, 6.0);
}

}  // namespace
}  // namespace tunescope
