#pragma once

#include <cstdint>

namespace tunescope {

/// How the learning rate continues after warm-up: it falls linearly to 0 at the last step, or stays constant.
enum class ScheduleShape { kLinear, kConstant };

/// The factor on the learning rate at each step. As transformers' get_linear_schedule_with_warmup and
/// get_constant_schedule_with_warmup.
struct Schedule {
  ScheduleShape shape = ScheduleShape::kLinear;
  std::int64_t warmup_steps = 0;
  std::int64_t total_steps = 1;

  /// The factor at `step`, counted from 0. It rises linearly from 0 during warm-up.
  double factor(std::int64_t step) const;
};

}  // namespace tunescope
