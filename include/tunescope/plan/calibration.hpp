#pragma once

#include "tunescope/plan/cost.hpp"

namespace tunescope {

/// Trains a trial's first steps and returns the seconds and floating-point operations of all but the first, without
/// what happens once per trial. A Fisher method is measured as a random subset of the same size.
Measurement measure_first_steps(Trial trial, SweepInputs& inputs);

/// Measures the Fisher information of some examples on the pre-trained weights, as the run would of all on its own, and
/// returns the seconds and floating-point operations of most of them, without what happens once per run. What the
/// measured training adds to the model is not part of either: it is taken to have the same rate.
Measurement measure_first_examples(const FisherRun& run, SweepInputs& inputs);

}  // namespace tunescope
