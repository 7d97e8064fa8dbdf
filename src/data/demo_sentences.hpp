#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tunescope/random/stream.hpp"

namespace tunescope {

/// One generated example. `label` is spelled as in the official files.
struct DemoExample {
  std::string first;
  std::string second;
  std::string label;
};

/// Draws an example of a task. Each task has a generator: it draws an event (a person, an action, a thing, a place) or
/// an opinion, puts it into words and derives the label from what it drew. Throws `Error` if the task has no generator.
DemoExample draw_demo_example(std::string_view task, RandomStream& random);

}  // namespace tunescope
