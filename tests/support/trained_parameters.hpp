#pragma once

#include <gtest/gtest.h>

#include "support/collected_gradients.hpp"
#include "tunescope/model/parameter_catalogue.hpp"

namespace tunescope::test {

/// Compares two trainings of one model to rounding. The gradient of a key's bias is zero in exact arithmetic, and AdamW
/// makes steps of full size of its rounding: it is left out, and has no influence on any output.
inline void expect_near_parameters(const ParameterCatalogue& catalogue, const Parameters& found,
                                   const Parameters& expected) {
  for (ParameterIndex i = 0; i < expected.size(); ++i) {
    if (is_zero_in_theory(catalogue[i])) continue;
    const at::Tensor differences = without_zeros_in_theory(catalogue[i], found[i].sub(expected[i]));
    const double difference = differences.norm().item<double>();
    EXPECT_LE(difference, 1e-5 * expected[i].norm().item<double>()) << catalogue[i].name;
  }
}

}  // namespace tunescope::test
