#pragma once

#include "../../backends/dropout.hpp"
#include "../device/dropout.hpp"

namespace tunescope::cuda {

/// What kernels take of a dropout layer.
inline DeviceDropout device_dropout(const DropoutStreams& streams, const Dropout& dropout) {
  if (dropout.probability <= 0.0) return {};
  const std::uint32_t threshold = dropout_threshold(dropout.probability);
  return {.examples = streams.examples.device,
          .keys = streams.keys.device,
          .site = dropout.site,
          .threshold = threshold,
          .scale = static_cast<float>(dropout_scale(threshold))};
}

}  // namespace tunescope::cuda
