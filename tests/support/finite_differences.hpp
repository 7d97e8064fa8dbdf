#pragma once

#include <ATen/core/Tensor.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>

namespace tunescope::test {

/// Expects `gradient` to be that of `value` with respect to every seventh number of `of`, float64, which `value` reads.
inline void expect_finite_differences(const std::function<double()>& value, const at::Tensor& of,
                                      const at::Tensor& gradient, double tolerance) {
  constexpr double kStep = 1e-6;
  for (std::int64_t i = 0; i < of.numel(); i += 7) {
    double* const scalar = of.mutable_data_ptr<double>() + i;
    const double original = *scalar;
    *scalar = original + kStep;
    const double above = value();
    *scalar = original - kStep;
    const double below = value();
    *scalar = original;
    EXPECT_NEAR((above - below) / (2 * kStep), gradient.view(-1)[i].item<double>(), tolerance);
  }
}

}  // namespace tunescope::test
