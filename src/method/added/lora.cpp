#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string_view>

#include "method/registry.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/base/number.hpp"
#include "tunescope/base/split.hpp"

namespace tunescope {
namespace {

constexpr std::string_view kRankStabilized = "rslora";

std::string spell_targets(const std::string& text) {
  const std::vector<std::string> known = {"attention_output", "intermediate", "key", "output", "query", "value"};
  std::vector<std::string> targets = split(text, '+');
  std::ranges::sort(targets);
  std::string spelled;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    spell_choice("target", targets[i], known);
    if (i > 0 && targets[i] == targets[i - 1]) {
      throw ConfigError(fmt::format("target '{}' stands there twice; leave one out", targets[i]));
    }
    spelled += (spelled.empty() ? "" : "+") + targets[i];
  }
  return spelled;
}

std::string spell_rank(const std::string& text) { return spell_whole_number("rank", text); }

// A number in [lowest, highest), in its shortest spelling.
std::string spell_number(std::string_view option, const std::string& text, double lowest, double highest,
                         std::string_view range) {
  const std::optional<double> number = to_number<double>(text);
  if (!number || !(*number >= lowest && *number < highest)) {
    throw ConfigError(fmt::format("{} must be a number {}, not '{}'", option, range, text));
  }
  return fmt::format("{}", *number);
}

std::string spell_alpha(const std::string& text) {
  return spell_number("alpha", text, std::numeric_limits<double>::min(), std::numeric_limits<double>::infinity(),
                      "above 0");
}

std::string spell_dropout(const std::string& text) {
  return spell_number("dropout", text, 0.0, 1.0, "of at least 0 and below 1");
}

std::string spell_scaling(const std::string& text) {
  return spell_choice("scaling", text, {"lora", std::string(kRankStabilized)});
}

void add_lora(const MethodPart& part, Additions& additions) {
  const double rank = std::stod(part.options.at("rank"));
  const bool is_rank_stabilized = part.options.at("scaling") == kRankStabilized;
  const double divisor = is_rank_stabilized ? std::sqrt(rank) : rank;
  const Additions::LowRankOptions options{.rank = static_cast<std::int64_t>(rank),
                                          .scale = std::stod(part.options.at("alpha")) / divisor,
                                          .dropout = std::stod(part.options.at("dropout")),
                                          .is_rank_stabilized = is_rank_stabilized};
  for (const std::string& role : split(part.options.at("targets"), '+')) {
    for (const LinearTarget& target : targets_of(role, additions)) additions.add_low_rank(target, options);
  }
}

}  // namespace

// The targets and alpha / rank = 2 are those of Hu et al. for GLUE.
AdditionMethod lora_method() {
  return {.name = "lora",
          .description =
              "matrices of low rank that are added to some linear layers (Hu et al. 2021); scaling=rslora: "
              "by alpha over the root of the rank (Kalajdzievski 2023)",
          .options = {{"alpha", "16", spell_alpha},
                      {"dropout", "0", spell_dropout},
                      {"rank", "8", spell_rank},
                      {"scaling", "lora", spell_scaling},
                      {"targets", "query+value", spell_targets}},
          .add = add_lora};
}

}  // namespace tunescope
