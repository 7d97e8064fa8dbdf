#include "tunescope/train/schedule.hpp"

#include <algorithm>

namespace tunescope {

double Schedule::factor(std::int64_t step) const {
  if (step < warmup_steps) {
    return static_cast<double>(step) / static_cast<double>(std::max<std::int64_t>(1, warmup_steps));
  }
  if (shape == ScheduleShape::kConstant) return 1.0;
  const auto falling = static_cast<double>(std::max<std::int64_t>(1, total_steps - warmup_steps));
  return std::max(0.0, static_cast<double>(total_steps - step) / falling);
}

}  // namespace tunescope
