#include "tunescope/train/parameter_change.hpp"

#include <algorithm>
#include <cmath>

namespace tunescope {

ParameterChange measure_parameter_change(const at::Tensor& initial, const at::Tensor& final_values) {
  const at::Tensor before = initial.contiguous().cpu();
  const at::Tensor after = final_values.contiguous().cpu();
  const float* const from = before.const_data_ptr<float>();
  const float* const to = after.const_data_ptr<float>();
  const std::int64_t count = before.numel();
  double absolute = 0.0;
  double squares = 0.0;
  double initial_squares = 0.0;
  double largest = 0.0;
  for (std::int64_t i = 0; i < count; ++i) {
    const double difference = std::abs(static_cast<double>(to[i]) - static_cast<double>(from[i]));
    absolute += difference;
    squares += difference * difference;
    initial_squares += static_cast<double>(from[i]) * static_cast<double>(from[i]);
    largest = std::max(largest, difference);
  }
  const auto n = static_cast<double>(count);
  const double norm = std::sqrt(squares);
  return {.mean_abs = absolute / n,
          .rms = norm / std::sqrt(n),
          .relative_l2 = norm == 0.0 ? 0.0 : norm / std::sqrt(initial_squares),
          .max_abs = largest};
}

}  // namespace tunescope
