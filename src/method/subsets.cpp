#include <algorithm>
#include <bit>
#include <cmath>
#include <compare>

#include "registry.hpp"
#include "tunescope/error.hpp"
#include "tunescope/random/stream.hpp"

namespace tunescope {
namespace {

// The tensors that a method's pool names, whose scalars are numbered through.
struct PoolMembers {
  PoolMembers(const Method& method, const ParameterCatalogue& catalogue)
      : tensors(group_tensors(method.options.at("pool"), catalogue)) {
    for (const ParameterIndex i : tensors) size += catalogue[i].size();
    const double fraction = std::stod(method.options.at("fraction"));
    chosen = std::max<std::int64_t>(1, std::llround(fraction * static_cast<double>(size)));
  }

  // From numbers within the pool, ascending, to indices within each tensor.
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
  std::int64_t chosen = 0;  // as many scalars as the method's fraction says, at least one
};

Selection select_random(const Method& method, const ParameterCatalogue& catalogue, const SelectionContext& context) {
  const PoolMembers pool(method, catalogue);
  return pool.select(random_subset(pool.size, pool.chosen, random_key(context.seed, RandomUse::kSubset)), catalogue);
}

// Sorts like scores from the largest to the smallest and, of equals, in the order of the model: the bits of floats that
// are not negative are ordered as the floats are.
using RankKey = std::uint64_t;
constexpr unsigned kIndexBits = 32;

std::vector<RankKey> rank_keys(const PoolMembers& pool, const ParameterImportance& scores) {
  if (pool.size >= std::int64_t{1} << kIndexBits) throw ConfigError("a pool may have up to 2^32 scalars");
  std::vector<RankKey> keys;
  keys.reserve(static_cast<std::size_t>(pool.size));
  for (const ParameterIndex i : pool.tensors) {
    const at::Tensor tensor = scores.at(i).contiguous();
    const float* const values = tensor.const_data_ptr<float>();
    for (std::int64_t scalar = 0; scalar < tensor.numel(); ++scalar) {
      const auto bits = static_cast<RankKey>(~std::bit_cast<std::uint32_t>(values[scalar]));
      keys.push_back(bits << kIndexBits | keys.size());
    }
  }
  return keys;
}

std::size_t scalar_of(RankKey key) { return static_cast<std::uint32_t>(key); }

// Over several tasks, the tasks' sets of largest scores grow alike until their union is large enough: scalars come in
// the order of their best rank on any task, then of the sum of their ranks, then of the model.
std::vector<std::int64_t> choose_by_best_rank(const PoolMembers& pool, const std::vector<ParameterImportance>& scores) {
  struct Place {
    std::int64_t best_rank, rank_sum, scalar;
    auto operator<=>(const Place&) const = default;
  };
  std::vector<Place> places;
  for (std::int64_t scalar = 0; scalar < pool.size; ++scalar) places.push_back({pool.size, 0, scalar});
  for (const ParameterImportance& task : scores) {
    std::vector<RankKey> keys = rank_keys(pool, task);
    std::sort(keys.begin(), keys.end());
    for (std::size_t rank = 0; rank < keys.size(); ++rank) {
      Place& place = places[scalar_of(keys[rank])];
      place.best_rank = std::min(place.best_rank, static_cast<std::int64_t>(rank));
      place.rank_sum += static_cast<std::int64_t>(rank);
    }
  }
  std::nth_element(places.begin(), places.begin() + (pool.chosen - 1), places.end());
  std::vector<std::int64_t> chosen;
  for (std::int64_t i = 0; i < pool.chosen; ++i) chosen.push_back(places[static_cast<std::size_t>(i)].scalar);
  return chosen;
}

std::vector<std::int64_t> choose_largest(const PoolMembers& pool, const ParameterImportance& scores) {
  std::vector<RankKey> keys = rank_keys(pool, scores);
  std::nth_element(keys.begin(), keys.begin() + (pool.chosen - 1), keys.end());
  keys.resize(static_cast<std::size_t>(pool.chosen));
  std::vector<std::int64_t> chosen;
  for (const RankKey key : keys) chosen.push_back(static_cast<std::int64_t>(scalar_of(key)));
  return chosen;
}

Selection select_by_fisher(const Method& method, const ParameterCatalogue& catalogue, const SelectionContext& context) {
  if (context.scores.empty()) throw ConfigError("method '" + method.text() + "': no Fisher information is there yet");
  const PoolMembers pool(method, catalogue);
  std::vector<std::int64_t> chosen = context.scores.size() == 1 ? choose_largest(pool, context.scores.front())
                                                                : choose_by_best_rank(pool, context.scores);
  std::sort(chosen.begin(), chosen.end());
  return pool.select(chosen, catalogue);
}

}  // namespace

const std::vector<SubsetMethod>& subset_methods() {
  static const std::vector<SubsetMethod> table = {
      {.name = "fisher",
       .description = "a fraction of a pool's scalars, those with the largest Fisher information: on the trial's own "
                      "task, in the union over the job's tasks (scope=union), or over all but its own "
                      "(scope=leave-one-out)",
       .defaults = {{"pool", "layernorm"}, {"fraction", ""}, {"scope", "task"}},
       .needs_scores = true,
       .select = select_by_fisher},
      {.name = "random",
       .description = "a fraction of a pool's scalars, drawn at random by seed (the control for chosen subsets)",
       .defaults = {{"pool", "layernorm"}, {"fraction", ""}},
       .needs_scores = false,
       .select = select_random},
  };
  return table;
}

}  // namespace tunescope
