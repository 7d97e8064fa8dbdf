#include "tunescope/data/selection.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <vector>

#include "tunescope/base/error.hpp"
#include "tunescope/base/hash.hpp"
#include "tunescope/base/number.hpp"
#include "tunescope/random/stream.hpp"

namespace tunescope {
namespace {

constexpr std::string_view kDevText = "dev";
constexpr std::string_view kHalfOfDevText = "half-dev";
constexpr std::string_view kTrainText = "train:";

constexpr std::int64_t kScoreGroups = 10;

// By example: its class, or for a regression task which tenth of the examples it is in, in the order of their scores.
std::vector<std::int64_t> strata_of(const Dataset& dataset, bool is_regression) {
  const auto count = static_cast<std::size_t>(dataset.size());
  if (!is_regression) return {dataset.labels.begin(), dataset.labels.end()};
  std::vector<std::size_t> by_score(count);
  std::iota(by_score.begin(), by_score.end(), 0);
  std::ranges::stable_sort(by_score, {}, [&](std::size_t example) { return dataset.labels[example]; });
  std::vector<std::int64_t> strata(count);
  for (std::size_t rank = 0; rank < count; ++rank) {
    strata[by_score[rank]] = static_cast<std::int64_t>(rank) * kScoreGroups / dataset.size();
  }
  return strata;
}

struct DrawnShare {
  std::vector<std::int64_t> drawn;  // both in ascending order
  std::vector<std::int64_t> rest;
};

// Systematic sampling: of the examples in the order of their strata, within a stratum at random, those at equal
// distances. So the draw has its share of each stratum, to one example.
DrawnShare draw_share(const Dataset& dataset, bool is_regression, double share) {
  const std::vector<std::int64_t> strata = strata_of(dataset, is_regression);
  std::vector<std::int64_t> order = random_permutation(dataset.size(), random_key(0, RandomUse::kSelection));
  std::ranges::stable_sort(order, {}, [&](std::int64_t example) { return strata[static_cast<std::size_t>(example)]; });
  DrawnShare split;
  double drawn = 0.0;
  for (std::size_t place = 0; place < order.size(); ++place) {
    const double due = std::floor(static_cast<double>(place + 1) * share);
    (due > drawn ? split.drawn : split.rest).push_back(order[place]);
    drawn = due;
  }
  std::ranges::sort(split.drawn);
  std::ranges::sort(split.rest);
  return split;
}

std::string hash_of(const std::vector<std::int64_t>& examples) {
  Sha256 hash;
  for (const std::int64_t example : examples) hash.update(std::to_string(example)).update("\n");
  return hash.hex_digest().substr(0, 16);
}

}  // namespace

std::string SelectionRule::text() const {
  switch (source) {
    case Source::kDev:
      return std::string(kDevText);
    case Source::kHalfOfDev:
      return std::string(kHalfOfDevText);
    case Source::kTrain:
      return fmt::format("{}{}", kTrainText, share);
  }
  return "";
}

SelectionRule parse_selection(std::string_view text) {
  if (text == kDevText) return {.source = SelectionRule::Source::kDev};
  if (text == kHalfOfDevText) return {.source = SelectionRule::Source::kHalfOfDev};
  if (text.starts_with(kTrainText)) {
    const std::optional<double> share = to_number<double>(text.substr(kTrainText.size()));
    if (share && *share > 0.0 && *share < 1.0) return {.source = SelectionRule::Source::kTrain, .share = *share};
  }
  throw ConfigError(
      fmt::format("'{}': expected dev, half-dev or train:FRACTION with a fraction above 0 and below 1, "
                  "such as train:0.1",
                  text));
}

void set_selection_aside(TaskData& data, const SelectionRule& rule) {
  if (rule.source == SelectionRule::Source::kDev) return;
  const bool is_of_train = rule.source == SelectionRule::Source::kTrain;
  Dataset& source = is_of_train ? data.train : data.dev;
  const DrawnShare split = draw_share(source, data.task->is_regression(), is_of_train ? rule.share : 0.5);
  if (split.drawn.empty() || split.rest.empty()) {
    throw ConfigError(
        fmt::format("[data] selection = {}: the {} examples of the {} set of task {} cannot be split so; "
                    "use more of them, or another selection",
                    rule.text(), source.size(), is_of_train ? "training" : "development", data.task->name));
  }
  data.selection = examples_of(source, split.drawn);
  data.selection_hash = hash_of(split.drawn);
  source = examples_of(source, split.rest);
}

}  // namespace tunescope
