#include <algorithm>
#include <charconv>
#include <cmath>

#include "registry.hpp"
#include "tunescope/error.hpp"
#include "tunescope/random/stream.hpp"

namespace tunescope {
namespace {

// As many scalars of the pool as `fraction` says, at least one, uniformly at random; a function of the seed.
Selection select_random(const Method& method, const ParameterCatalogue& catalogue, std::uint64_t seed) {
  const Pool& pool = find_pool(method.options.at("pool"));
  std::vector<ParameterIndex> members;
  std::int64_t pool_size = 0;
  for (ParameterIndex i = 0; i < catalogue.size(); ++i) {
    if (catalogue[i].is_head() || !pool.contains(catalogue[i])) continue;
    members.push_back(i);
    pool_size += catalogue[i].size();
  }
  const double fraction = std::stod(method.options.at("fraction"));
  const auto chosen = std::max<std::int64_t>(1, std::llround(fraction * static_cast<double>(pool_size)));

  Selection selection(catalogue.size());
  std::int64_t first = 0;
  std::size_t member = 0;
  for (const std::int64_t scalar : random_subset(pool_size, chosen, random_key(seed, RandomUse::kSubset))) {
    while (scalar - first >= catalogue[members[member]].size()) first += catalogue[members[member++]].size();
    TensorSelection& tensor = selection[members[member]];
    tensor.kind = TensorSelection::Kind::kSome;
    tensor.indices.push_back(scalar - first);
  }
  return selection;
}

}  // namespace

const std::vector<SubsetMethod>& subset_methods() {
  static const std::vector<SubsetMethod> table = {
      {"random",
       "a fraction of a pool's scalars, drawn at random by seed (the control for chosen subsets)",
       {{"pool", "layernorm"}, {"fraction", ""}},
       select_random},
  };
  return table;
}

}  // namespace tunescope
