#pragma once

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <utility>
#include <vector>

#include "tunescope/kernels/batch_layout.hpp"

namespace tunescope::test {

/// The layout of sequences of these lengths, by model. Example and dropout key differ from sequence to sequence.
inline BatchLayout layout_of(const std::vector<std::vector<std::int64_t>>& lengths_by_model,
                             at::Device device = at::kCPU) {
  std::vector<std::int64_t> offsets = {0}, examples, model_sequences = {0};
  std::vector<std::uint64_t> keys;
  for (const std::vector<std::int64_t>& lengths : lengths_by_model) {
    for (const std::int64_t length : lengths) {
      offsets.push_back(offsets.back() + length);
      examples.push_back(static_cast<std::int64_t>(7 * examples.size() % 5));
      keys.push_back(0x9D39247E33776D41U + model_sequences.size());
    }
    model_sequences.push_back(static_cast<std::int64_t>(examples.size()));
  }
  return BatchLayout({offsets, examples, model_sequences, keys}, device);
}

/// The same with rows for distances: up to `nearest` tokens apart each has one of its own, and beyond it three share
/// one. The sequences of a model are a set.
inline BatchLayout layout_with_distances(const std::vector<std::vector<std::int64_t>>& lengths_by_model,
                                         std::int64_t nearest, at::Device device = at::kCPU, bool skips_ids = false) {
  std::vector<std::int64_t> offsets = {0}, examples, model_sequences = {0}, sets = {0};
  std::vector<std::uint64_t> keys;
  std::int64_t longest = 1;
  for (const std::vector<std::int64_t>& lengths : lengths_by_model) {
    for (const std::int64_t length : lengths) {
      offsets.push_back(offsets.back() + length);
      examples.push_back(static_cast<std::int64_t>(examples.size()));
      keys.push_back(model_sequences.size());
      longest = std::max(longest, length);
    }
    model_sequences.push_back(static_cast<std::int64_t>(examples.size()));
    if (model_sequences.back() != sets.back()) sets.push_back(model_sequences.back());
  }
  std::vector<std::int64_t> ids;
  for (std::int64_t distance = 1 - longest; distance < longest; ++distance) {
    const std::int64_t size = std::abs(distance);
    const std::int64_t further = size - nearest;
    const std::int64_t bucket = further <= 0 ? size : nearest + (skips_ids ? 2 * further : (further + 2) / 3);
    ids.push_back(2 * longest + (distance < 0 ? -bucket : bucket));
  }
  return BatchLayout({.sequence_offsets = offsets,
                      .examples = examples,
                      .model_sequences = model_sequences,
                      .dropout_keys = keys,
                      .ids = {},
                      .labels = {},
                      .distance_ids = ids,
                      .set_sequences = sets,
                      .set_groups = {}},
                     device);
}

/// The layout of one sequence whose tokens look up these ids in a table, in an order with these groups.
inline BatchLayout layout_of_ids(std::vector<std::int64_t> ids, std::vector<std::int64_t> groups,
                                 at::Device device = at::kCPU) {
  const auto rows = static_cast<std::int64_t>(ids.size());
  return BatchLayout({{0, rows}, {0}, {0, 1}, {}, {{std::move(ids), std::move(groups)}}}, device);
}

}  // namespace tunescope::test
