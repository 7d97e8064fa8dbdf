#include "tunescope/fisher/fisher_passes.hpp"

#include <algorithm>

namespace tunescope {

FisherPasses::FisherPasses(const Method& method, const ParameterCatalogue& model, const std::string& pool)
    : additions(additions_of(method, model)),
      unmerged(additions.unmerged()),
      of_model(group_members(pool, model)),
      of_merged(additions.merged_tensors()) {
  of_model.resize(unmerged.catalogue().size(), true);
}

bool FisherPasses::measure_merged() const { return std::ranges::find(of_merged, true) != of_merged.end(); }

}  // namespace tunescope
