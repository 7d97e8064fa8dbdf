#pragma once

#include <span>

#include "model/pass/recording.hpp"

namespace tunescope {

/// The input of linear layers, multiplied by the vectors that the models have for it (see `Rescale`): m ⊙ x [R, in] in
/// the rows of a model that has some. The same value if none has.
Value rescaled_input(Recording& pass, std::span<const LinearParameters> layers, const Value& input);

/// Likewise their outputs, which lie side by side.
Value rescaled_outputs(Recording& pass, std::span<const LinearParameters> layers, const Value& outputs);

}  // namespace tunescope
