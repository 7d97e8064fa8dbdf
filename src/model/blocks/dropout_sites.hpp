#pragma once

#include <cstddef>
#include <cstdint>

namespace tunescope {

// The dropout layers of a network are numbered, and each number selects masks of its own: these never change.

inline constexpr std::uint32_t kEmbeddingSite = 0;
inline constexpr std::uint32_t kHeadSite = 1;

/// Those of each layer.
enum class LayerSite : std::uint32_t { kProbabilities, kAttentionOutput, kOutput };

/// Of layer `number`, from 0.
constexpr std::uint32_t layer_site(std::size_t number, LayerSite site) {
  return 2 + 3 * static_cast<std::uint32_t>(number) + static_cast<std::uint32_t>(site);
}

/// The first number after those of all layers.
constexpr std::uint32_t first_free_site(std::int64_t layers) {
  return layer_site(static_cast<std::size_t>(layers), LayerSite::kProbabilities);
}

}  // namespace tunescope
