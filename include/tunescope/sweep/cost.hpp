#pragma once

#include "tunescope/sweep/inputs.hpp"
#include "tunescope/sweep/trial.hpp"

namespace tunescope {

/// Floating-point operations a trial is expected to take, from its matrix multiplications: two a weight and token in
/// the forward pass, two for the gradient of each input above the lowest trained layer, two for that of each trained
/// weight. Attention's own products and elementwise work are left out: it serves to order and compare trials.
double expected_flops(const Trial& trial, SweepInputs& inputs);

}  // namespace tunescope
