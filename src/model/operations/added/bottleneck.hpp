#pragma once

#include <functional>

#include "model/pass/recording.hpp"

namespace tunescope {

/// Whether any model of the pass has a bottleneck behind this layer (see `Bottleneck`).
bool has_bottlenecks(const Recording& pass, const LinearParameters& layer);

/// What a block has computed, h [R, H], with what the models' bottlenecks behind its last layer add to it. In the rows
/// of models without one it stays as it is. `add_residual` records the value that those bottlenecks read that do not
/// read h; it is called if there are any.
Value add_bottlenecks(Recording& pass, const LinearParameters& layer, const Value& branch,
                      const std::function<Value()>& add_residual);

}  // namespace tunescope
