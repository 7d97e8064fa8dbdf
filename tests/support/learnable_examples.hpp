#pragma once

#include <cstdint>
#include <vector>

#include "tunescope/data/dataset.hpp"
#include "tunescope/random/stream.hpp"

namespace tunescope::test {

/// Examples of random words. The second token reveals the class.
inline Dataset learnable_examples(std::int64_t count, std::uint64_t seed) {
  Dataset dataset;
  RandomStream random(seed);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto label = static_cast<std::int32_t>(random.below(2));
    std::vector<std::int32_t> ids = {2, 10 + label};
    for (std::uint64_t t = random.below(8); t > 0; --t) ids.push_back(static_cast<std::int32_t>(20 + random.below(90)));
    ids.push_back(3);
    dataset.token_ids.insert(dataset.token_ids.end(), ids.begin(), ids.end());
    dataset.type_ids.resize(dataset.token_ids.size(), 0);
    dataset.offsets.push_back(static_cast<std::int64_t>(dataset.token_ids.size()));
    dataset.labels.push_back(static_cast<float>(label));
  }
  return dataset;
}

}  // namespace tunescope::test
