#pragma once

#include <cstdint>
#include <optional>

namespace tunescope {

/// The whole number that an environment variable begins with, if it is above 0. Launchers and batch systems write 0 for
/// "no limit", and lists such as "4,2" or "4(x2)", of which the first number counts.
std::optional<std::int64_t> positive_number_of(const char* variable);

}  // namespace tunescope
