#include "cli/reports/json.hpp"

#include <spdlog/fmt/fmt.h>

namespace tunescope::cli {

void print_json(const Json& object) {
  constexpr int kIndent = 2;
  fmt::print("{}\n", object.dump(kIndent, ' ', false, Json::error_handler_t::replace));
}

Json json_of(const std::optional<double>& number) { return number ? Json(*number) : Json(nullptr); }

Json json_of(const TrialCounts& counts) {
  return {{"total", counts.total},   {"done", counts.done},       {"diverged", counts.diverged},
          {"failed", counts.failed}, {"missing", counts.missing}, {"saved", counts.partial}};
}

Json json_of(const Trial& trial) {
  return {{"task", trial.task},
          {"method", trial.method.text()},
          {"learning_rate", trial.learning_rate},
          {"seed", trial.seed}};
}

}  // namespace tunescope::cli
