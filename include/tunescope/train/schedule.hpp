#pragma once

#include <cstdint>

namespace tunescope {

/// How the learning rate goes on after warm-up: falls linearly to 0 at the last step, or stays.
enum class ScheduleShape { kLinear, kConstant };

/// Factor on the learning rate, a function of the step. As transformers' get_linear_schedule_with_warmup and
/// get_constant_schedule_with_warmup.
struct Schedule {
  ScheduleShape shape = ScheduleShape::kLinear;
  std::int64_t warmup_steps = 0;
  std::int64_t total_steps = 1;

  /// The factor at `step`, counted from 0: rises linearly from 0 during warm-up.
  double factor(std::int64_t step) const;
};

}  // namespace tunescope
