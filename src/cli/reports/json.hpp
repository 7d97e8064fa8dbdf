#pragma once

#include <nlohmann/json.hpp>
#include <optional>

#include "cli/display/trial_counts.hpp"
#include "tunescope/plan/trial.hpp"

namespace tunescope::cli {

/// With the keys in the order in which they were given.
using Json = nlohmann::ordered_json;

/// Prints an object to standard output. Bytes that are not UTF-8, as paths may have, become U+FFFD.
void print_json(const Json& object);

/// The number, or null.
Json json_of(const std::optional<double>& number);
Json json_of(const TrialCounts& counts);
/// What tells a trial from the others of its job: task, method, learning rate and seed.
Json json_of(const Trial& trial);

}  // namespace tunescope::cli
