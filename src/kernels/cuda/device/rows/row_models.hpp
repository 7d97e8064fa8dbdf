#pragma once

#include "../simt.hpp"

namespace tunescope {

/// A launch serves the rows of at most this many models, whose pointers are among its arguments.
inline constexpr int kModelsPerLaunch = 32;

/// One value for each model of a launch.
template <typename Value>
struct ByModel {
  Value of[kModelsPerLaunch] = {};
};

/// The rows of a launch, and to which of its models each belongs.
struct DeviceRows {
  const std::int64_t* row_sequences = nullptr;
  const std::int64_t* sequence_models = nullptr;
  std::int64_t first_row = 0;
  std::int64_t end_row = 0;
  std::int64_t first_model = 0;

  __device__ int model_of(std::int64_t row) const {
    return static_cast<int>(sequence_models[row_sequences[row]] - first_model);
  }
};

}  // namespace tunescope
