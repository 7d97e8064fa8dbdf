#pragma once

#include <cstdint>
#include <string>

namespace tunescope {

/// One row of `/screening`: a learning rate of a task and a method, of which screening chose the best.
struct ScreenedRate {
  std::string task, method;
  double learning_rate = 0.0;
  double mean_score = 0.0;  ///< of the selection scores of the screening trials; NaN if one of them failed or diverged
  std::int64_t seeds = 0;   ///< of the screening trials
  std::int64_t is_chosen = 0;  ///< 1 or 0
};

}  // namespace tunescope
