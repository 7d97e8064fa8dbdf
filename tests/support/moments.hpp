#pragma once

#include <ATen/ops/maximum.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace tunescope::test {

/// The bound on the largest of some hundred statistics, of which some have heavy tails.
inline constexpr double kLargestScore = 5.0;

/// What is compared of many draws of S statistics.
struct Sample {
  at::Tensor mean, variance, fourth;  // [S] float64, central moments
  double draws = 0;
};

/// Of draws [N, S].
inline Sample describe(const at::Tensor& draws) {
  const at::Tensor mean = draws.mean(0);
  const at::Tensor squares = draws.sub(mean).square();
  return {mean, squares.mean(0), squares.square().mean(0), static_cast<double>(draws.size(0))};
}

/// Moments [..., 3] as the golden files have them.
inline Sample stored_sample(const at::Tensor& moments, double draws) {
  const at::Tensor rows = moments.to(at::kDouble).reshape({-1, 3});
  return {rows.select(1, 0), rows.select(1, 1), rows.select(1, 2), draws};
}

/// The largest difference of a mean or a variance in standard errors, each of which must be small. A sample of few
/// draws whose variance is small by chance finds its own error small as well, and one without a rare large draw does
/// not know of it: the error is the larger of that from both samples and that from the larger one. What varies by
/// rounding alone must agree to rounding.
inline double expect_alike(const Sample& actual, const Sample& expected, const std::vector<std::string>& names) {
  const at::Tensor rounding = expected.mean.square().mul(1e-9).add(1e-14);  // squared
  const auto squared_error = [&](const auto& of_one_draw) {
    const at::Tensor own = of_one_draw(actual).div(actual.draws).add(of_one_draw(expected).div(expected.draws));
    const Sample& larger = actual.draws > expected.draws ? actual : expected;
    return at::maximum(own, of_one_draw(larger).mul(1.0 / actual.draws + 1.0 / expected.draws));
  };
  const at::Tensor mean_error = squared_error([](const Sample& sample) { return sample.variance; }).add(rounding);
  const at::Tensor variance_error = squared_error([](const Sample& sample) {
                                      return sample.fourth.sub(sample.variance.square());
                                    }).add(rounding.square());
  const at::Tensor means = actual.mean.sub(expected.mean).div(mean_error.sqrt()).abs();
  const at::Tensor variances = actual.variance.sub(expected.variance).div(variance_error.sqrt()).abs();
  const auto number = [](const at::Tensor& values, std::size_t i) {
    return values[static_cast<std::int64_t>(i)].item<double>();
  };
  for (std::size_t i = 0; i < names.size(); ++i) {
    EXPECT_LT(number(means, i), kLargestScore)
        << names[i] << ": mean " << number(actual.mean, i) << ", expected " << number(expected.mean, i);
    EXPECT_LT(number(variances, i), kLargestScore)
        << names[i] << ": variance " << number(actual.variance, i) << ", expected " << number(expected.variance, i);
  }
  return std::max(means.max().item<double>(), variances.max().item<double>());
}

}  // namespace tunescope::test
