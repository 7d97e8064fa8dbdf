#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "ranking.hpp"
#include "registry.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/base/number.hpp"
#include "tunescope/random/stream.hpp"

namespace tunescope {
namespace {

// The scalars that a part chooses from: those of all its tensors, numbered consecutively in catalogue order.
struct CandidateScalars {
  CandidateScalars(const MethodPart& part, const ParameterCatalogue& catalogue)
      : tensors(candidate_tensors(part, catalogue)) {
    for (const ParameterIndex i : tensors) size += catalogue[i].size();
    if (const auto scalars = part.options.find("scalars"); scalars != part.options.end()) {
      chosen = std::stoll(scalars->second);
    } else {
      const double fraction = std::stod(part.options.at("fraction"));
      chosen = std::max<std::int64_t>(1, std::llround(fraction * static_cast<double>(size)));
    }
    if (chosen > size) {
      throw ConfigError(fmt::format("'{}': its pool has {} scalars in this model; choose fewer", part.text(), size));
    }
  }

  // Turns ascending numbers of scalars into indices within each tensor.
  Selection select(const std::vector<std::int64_t>& numbers, const ParameterCatalogue& catalogue) const {
    Selection selection(catalogue.size());
    std::int64_t first = 0;
    std::size_t member = 0;
    for (const std::int64_t number : numbers) {
      while (number - first >= catalogue[tensors[member]].size()) first += catalogue[tensors[member++]].size();
      TensorSelection& tensor = selection[tensors[member]];
      tensor.kind = TensorSelection::Kind::kSubset;
      tensor.indices.push_back(number - first);
    }
    return selection;
  }

  std::vector<ParameterIndex> tensors;
  std::int64_t size = 0;
  std::int64_t chosen = 0;  // how many of them are chosen, at least 1
};

// Turns ascending numbers of scalars, in a count without those that are taken, into their indices.
void skip_taken(std::vector<std::int64_t>& numbers, const std::vector<std::int64_t>& taken) {
  std::size_t skipped = 0;
  for (std::int64_t& number : numbers) {
    while (skipped < taken.size() && taken[skipped] <= number + static_cast<std::int64_t>(skipped)) ++skipped;
    number += static_cast<std::int64_t>(skipped);
  }
}

Selection select_random(const MethodPart& part, const ParameterCatalogue& catalogue, const SelectionContext& context) {
  const CandidateScalars candidates(part, catalogue);
  return candidates.select(
      random_subset(candidates.size, candidates.chosen, random_key(context.seed, RandomUse::kSubset)), catalogue);
}

Selection select_first(const MethodPart& part, const ParameterCatalogue& catalogue,
                       std::span<const ParameterImportance> rankings) {
  const CandidateScalars candidates(part, catalogue);
  const RankOrder order = part.options.contains("order") ? RankOrder::kLowest : RankOrder::kHighest;
  return candidates.select(choose_by_rank(candidates.tensors, candidates.chosen, rankings, order), catalogue);
}

Selection select_by_fisher(const MethodPart& part, const ParameterCatalogue& catalogue,
                           const SelectionContext& context) {
  if (context.importance.empty()) throw ConfigError("'" + part.text() + "': no Fisher information is there yet");
  return select_first(part, catalogue, context.importance);
}

Selection select_by_magnitude(const MethodPart& part, const ParameterCatalogue& catalogue,
                              const SelectionContext& context) {
  const ParameterImportance values(context.pretrained.begin(), context.pretrained.end());
  return select_first(part, catalogue, std::span(&values, 1));
}

// Its shortest spelling, so that 0.20 and 0.2 are the same method.
std::string spell_fraction(const std::string& text) {
  const std::optional<double> fraction = to_number<double>(text);
  if (!fraction || !(*fraction > 0.0 && *fraction <= 1.0)) {
    throw ConfigError(fmt::format("fraction must be a number above 0 and at most 1, not '{}'", text));
  }
  return fmt::format("{}", *fraction);
}

std::string spell_scope(const std::string& scope) {
  return spell_choice("scope", scope, {"task", "union", "leave-one-out"});
}

std::string spell_scalars(const std::string& text) { return spell_whole_number("scalars", text); }

// The highest come first unless a part says otherwise: so the spelling, and the trials, of that stay as they were.
std::string spell_order(const std::string& order) {
  const std::string spelling = spell_choice("order", order, {"highest", "lowest"});
  return spelling == "highest" ? "" : spelling;
}

const PartOption kPool = {"pool", "layernorm", canonical_group};
const PartOption kFraction = {"fraction", "", spell_fraction};
const PartOption kScalars = {"scalars", "", spell_scalars};
const PartOption kOrder = {"order", "", spell_order};
const PartOption kScope = {"scope", "task", spell_scope};

}  // namespace

const std::vector<SubsetMethod>& subset_methods() {
  static const std::vector<SubsetMethod> table = {
      {.name = "fisher",
       .description = "some of a pool's scalars, those with the largest Fisher information, or with order=lowest the "
                      "smallest: on the trial's own task, in the union over the job's tasks (scope=union), or over all "
                      "but its own (scope=leave-one-out)",
       .options = {kPool, kFraction, kScalars, kLayers, kOrder, kScope},
       .chosen_by = ChosenBy::kFisher,
       .select = select_by_fisher},
      {.name = "magnitude",
       .description = "some of a pool's scalars, those with the largest absolute values in the pre-trained model, or "
                      "with order=lowest the smallest (a control: are Fisher's choices just the largest?)",
       .options = {kPool, kFraction, kScalars, kLayers, kOrder},
       .chosen_by = ChosenBy::kPretrained,
       .select = select_by_magnitude},
      {.name = "random",
       .description = "some of a pool's scalars, drawn at random by seed (the control for chosen subsets)",
       .options = {kPool, kFraction, kScalars, kLayers},
       .chosen_by = ChosenBy::kSeed,
       .select = select_random},
  };
  return table;
}

// Spread as a random subset is, which takes seconds to draw from hundreds of millions.
Selection select_from_rest(const MethodPart& part, const ParameterCatalogue& catalogue, const Selection& selected) {
  const CandidateScalars candidates(part, catalogue);
  const auto rest_of = [&](ParameterIndex i) { return catalogue[i].size() - selected[i].count(catalogue[i].size()); };
  std::int64_t rest = 0;
  for (const ParameterIndex i : candidates.tensors) rest += rest_of(i);
  const std::int64_t chosen = std::min(candidates.chosen, rest);
  Selection selection(catalogue.size());
  std::int64_t first = 0;
  std::int64_t next = 0;
  for (const ParameterIndex i : candidates.tensors) {
    std::vector<std::int64_t>& indices = selection[i].indices;
    for (; next < chosen && next * rest / chosen < first + rest_of(i); ++next) {
      indices.push_back(next * rest / chosen - first);
    }
    first += rest_of(i);
    skip_taken(indices, selected[i].indices);
    if (!indices.empty()) selection[i].kind = TensorSelection::Kind::kSubset;
  }
  return selection;
}

const SubsetMethod* find_subset_method(std::string_view name) {
  const auto found = std::ranges::find(subset_methods(), name, &SubsetMethod::name);
  return found == subset_methods().end() ? nullptr : &*found;
}

}  // namespace tunescope
