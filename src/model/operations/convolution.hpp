#pragma once

#include "model/operations/operations.hpp"

namespace tunescope {

struct Convolution {
  LinearParameters parameters;  ///< the weight is [O, H / groups, kernel], with an odd kernel
  std::int64_t groups = 1;      ///< each of the groups of outputs reads one of the groups of inputs
};

/// A convolution over the tokens of each sequence, with zeros beyond its ends: [T, H] to [T, O]. To the sink it is a
/// linear layer whose input is the windows [T, H kernel], the taps of an input side by side.
Value convolution(Recording& pass, const Convolution& layer, const Value& input);

/// f(x), elementwise.
Value activate(Recording& pass, Activation activation, const Value& input);

}  // namespace tunescope
