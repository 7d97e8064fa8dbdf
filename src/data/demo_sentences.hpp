#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tunescope/random/stream.hpp"

namespace tunescope {

/// One generated example; `label` as the official files write it.
struct DemoExample {
  std::string first;
  std::string second;
  std::string label;
};

/// Draws an example of a task. Throws `Error` where the task has no generator.
DemoExample draw_demo_example(std::string_view task, RandomStream& random);

}  // namespace tunescope
