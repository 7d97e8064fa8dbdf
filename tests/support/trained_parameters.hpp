#pragma once

#include <gtest/gtest.h>

#include "support/collected_gradients.hpp"
#include "tunescope/model/parameter_catalogue.hpp"

namespace tunescope::test {

/// Compares two trainings of one model to rounding. The gradient of a key's bias is zero in exact arithmetic, and AdamW
/// makes steps of full size of its rounding: it is left out, and has no influence on any output. Added tensors may lie
/// behind those of the catalogue.
inline void expect_near_parameters(const ParameterCatalogue& catalogue, const Parameters& found,
                                   const Parameters& expected) {
  for (ParameterIndex i = 0; i < expected.size(); ++i) {
    const bool is_added = i >= catalogue.size();
    if (!is_added && is_zero_in_theory(catalogue[i])) continue;
    const at::Tensor all = found[i].sub(expected[i]);
    const at::Tensor differences = is_added ? all : without_zeros_in_theory(catalogue[i], all);
    EXPECT_LE(differences.norm().item<double>(), 1e-5 * expected[i].norm().item<double>())
        << (is_added ? "added tensor" : catalogue[i].name);
  }
}

}  // namespace tunescope::test
