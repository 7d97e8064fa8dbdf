#include <algorithm>
#include <cmath>

#include "model/deberta/deberta.hpp"

namespace tunescope {
namespace {

// In float32, as transformers computes it.
std::int64_t bucket_of(std::int64_t distance, std::int64_t buckets, std::int64_t most_distance) {
  const std::int64_t middle = buckets / 2;
  const std::int64_t size = std::abs(distance);
  if (size <= middle) return distance;
  const auto ratio = [middle](std::int64_t of) { return static_cast<float>(of) / static_cast<float>(middle); };
  const float share = std::log(ratio(size)) / std::log(ratio(most_distance - 1));
  const auto far = static_cast<std::int64_t>(std::ceil(share * static_cast<float>(middle - 1))) + middle;
  return distance < 0 ? -far : far;
}

}  // namespace

std::vector<std::int64_t> distance_ids(const DebertaConfig& config, std::int64_t longest) {
  std::vector<std::int64_t> ids;
  for (std::int64_t distance = 1 - longest; distance < longest; ++distance) {
    const std::int64_t bucket =
        config.buckets > 0 ? bucket_of(distance, config.buckets, config.most_distance) : distance;
    ids.push_back(std::clamp<std::int64_t>(bucket + config.span(), 0, 2 * config.span() - 1));
  }
  return ids;
}

}  // namespace tunescope
