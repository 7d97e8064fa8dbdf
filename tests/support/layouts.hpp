#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
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

/// The layout of one sequence whose tokens look up these ids in a table, in an order with these groups.
inline BatchLayout layout_of_ids(std::vector<std::int64_t> ids, std::vector<std::int64_t> groups,
                                 at::Device device = at::kCPU) {
  const auto rows = static_cast<std::int64_t>(ids.size());
  return BatchLayout({{0, rows}, {0}, {0, 1}, {}, {{std::move(ids), std::move(groups)}}}, device);
}

}  // namespace tunescope::test
