#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <compare>

#include "registry.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/base/nearest.hpp"
#include "tunescope/random/stream.hpp"

namespace tunescope {
namespace {

// The scalars that a method chooses from: those of all tensors in its parameter group, numbered consecutively in
// catalogue order.
struct CandidateScalars {
  CandidateScalars(const MethodPart& part, const ParameterCatalogue& catalogue)
      : tensors(candidate_tensors(part, catalogue)) {
    for (const ParameterIndex i : tensors) size += catalogue[i].size();
    const double fraction = std::stod(part.options.at("fraction"));
    chosen = std::max<std::int64_t>(1, std::llround(fraction * static_cast<double>(size)));
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
  std::int64_t chosen = 0;  // the part's fraction of `size`, at least 1
};

Selection select_random(const MethodPart& part, const ParameterCatalogue& catalogue, const SelectionContext& context) {
  const CandidateScalars candidates(part, catalogue);
  return candidates.select(
      random_subset(candidates.size, candidates.chosen, random_key(context.seed, RandomUse::kSubset)), catalogue);
}

// A number whose ascending order is: importance from the largest to the smallest and, if equal, the order of the model.
// Its high half is the complement of the bits of a float (the bits of non-negative floats are ordered like the floats),
// its low half the number of the scalar.
using RankKey = std::uint64_t;
constexpr unsigned kIndexBits = 32;

std::vector<RankKey> rank_keys(const CandidateScalars& candidates, const ParameterImportance& importance) {
  if (candidates.size >= std::int64_t{1} << kIndexBits) throw ConfigError("a pool may have up to 2^32 scalars");
  std::vector<RankKey> keys;
  keys.reserve(static_cast<std::size_t>(candidates.size));
  for (const ParameterIndex i : candidates.tensors) {
    const at::Tensor tensor = importance.at(i).contiguous();
    const float* const values = tensor.const_data_ptr<float>();
    for (std::int64_t scalar = 0; scalar < tensor.numel(); ++scalar) {
      const auto bits = static_cast<RankKey>(~std::bit_cast<std::uint32_t>(values[scalar]));
      keys.push_back(bits << kIndexBits | keys.size());
    }
  }
  return keys;
}

std::size_t scalar_of(RankKey key) { return static_cast<std::uint32_t>(key); }

// Chooses scalars that are important on several tasks. Think of the set of the k most important scalars of each task: k
// grows, the same for all tasks, until the union of the sets is large enough. So scalars are taken in the order of
// their best rank on any task, then of the sum of their ranks, then of the model.
std::vector<std::int64_t> choose_by_best_rank(const CandidateScalars& candidates,
                                              const std::vector<ParameterImportance>& importance) {
  struct Place {
    std::int64_t best_rank, rank_sum, scalar;
    auto operator<=>(const Place&) const = default;
  };
  std::vector<Place> places;
  for (std::int64_t scalar = 0; scalar < candidates.size; ++scalar) places.push_back({candidates.size, 0, scalar});
  for (const ParameterImportance& task : importance) {
    std::vector<RankKey> keys = rank_keys(candidates, task);
    std::sort(keys.begin(), keys.end());
    for (std::size_t rank = 0; rank < keys.size(); ++rank) {
      Place& place = places[scalar_of(keys[rank])];
      place.best_rank = std::min(place.best_rank, static_cast<std::int64_t>(rank));
      place.rank_sum += static_cast<std::int64_t>(rank);
    }
  }
  std::nth_element(places.begin(), places.begin() + (candidates.chosen - 1), places.end());
  std::vector<std::int64_t> chosen;
  for (std::int64_t i = 0; i < candidates.chosen; ++i) chosen.push_back(places[static_cast<std::size_t>(i)].scalar);
  return chosen;
}

std::vector<std::int64_t> choose_largest(const CandidateScalars& candidates, const ParameterImportance& importance) {
  std::vector<RankKey> keys = rank_keys(candidates, importance);
  std::nth_element(keys.begin(), keys.begin() + (candidates.chosen - 1), keys.end());
  keys.resize(static_cast<std::size_t>(candidates.chosen));
  std::vector<std::int64_t> chosen;
  for (const RankKey key : keys) chosen.push_back(static_cast<std::int64_t>(scalar_of(key)));
  return chosen;
}

Selection select_by_fisher(const MethodPart& part, const ParameterCatalogue& catalogue,
                           const SelectionContext& context) {
  if (context.importance.empty()) throw ConfigError("'" + part.text() + "': no Fisher information is there yet");
  const CandidateScalars candidates(part, catalogue);
  std::vector<std::int64_t> chosen = context.importance.size() == 1
                                         ? choose_largest(candidates, context.importance.front())
                                         : choose_by_best_rank(candidates, context.importance);
  std::sort(chosen.begin(), chosen.end());
  return candidates.select(chosen, catalogue);
}

// Its shortest spelling, so that 0.20 and 0.2 are the same method.
std::string spell_fraction(const std::string& text) {
  double fraction = 0.0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), fraction);
  if (error != std::errc{} || stop != text.data() + text.size() || !(fraction > 0.0 && fraction <= 1.0)) {
    throw ConfigError(fmt::format("fraction must be a number above 0 and at most 1, not '{}'", text));
  }
  return fmt::format("{}", fraction);
}

std::string spell_scope(const std::string& scope) {
  const std::vector<std::string> known = {"task", "union", "leave-one-out"};
  if (std::ranges::find(known, scope) != known.end()) return scope;
  throw ConfigError(fmt::format("unknown scope '{}'{}", scope, suggest(scope, known)));
}

const PartOption kFraction = {"fraction", "", spell_fraction};
const PartOption kPool = {"pool", "layernorm", canonical_group};
const PartOption kScope = {"scope", "task", spell_scope};

}  // namespace

const std::vector<SubsetMethod>& subset_methods() {
  static const std::vector<SubsetMethod> table = {
      {.name = "fisher",
       .description = "a fraction of a pool's scalars, those with the largest Fisher information: on the trial's own "
                      "task, in the union over the job's tasks (scope=union), or over all but its own "
                      "(scope=leave-one-out)",
       .options = {kFraction, kPool, kScope},
       .chosen_by = ChosenBy::kFisher,
       .select = select_by_fisher},
      {.name = "random",
       .description = "a fraction of a pool's scalars, drawn at random by seed (the control for chosen subsets)",
       .options = {kFraction, kPool},
       .chosen_by = ChosenBy::kSeed,
       .select = select_random},
  };
  return table;
}

const SubsetMethod* find_subset_method(std::string_view name) {
  const auto found = std::ranges::find(subset_methods(), name, &SubsetMethod::name);
  return found == subset_methods().end() ? nullptr : &*found;
}

}  // namespace tunescope
