#pragma once

#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include "tunescope/data/packed_batch.hpp"
#include "tunescope/io/safetensors.hpp"

namespace tunescope::test {

inline std::vector<std::int64_t> whole_numbers(const at::Tensor& tensor) {
  const auto* const first = tensor.const_data_ptr<std::int64_t>();
  return {first, first + tensor.numel()};
}

/// A batch from a golden file: packed ids, types and offsets under names that begin with `prefix`.
inline PackedBatch golden_batch(const Safetensors& file, const at::Tensor& labels, const std::string& prefix = "") {
  PackedBatch batch;
  batch.token_ids = whole_numbers(file.tensor(prefix + "input_ids"));
  batch.type_ids = whole_numbers(file.tensor(prefix + "type_ids"));
  batch.sequence_offsets = whole_numbers(file.tensor(prefix + "offsets"));
  batch.examples.resize(batch.sequence_offsets.size() - 1);
  std::iota(batch.examples.begin(), batch.examples.end(), 0);
  batch.labels = labels;
  return batch;
}

}  // namespace tunescope::test
