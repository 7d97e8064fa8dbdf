#pragma once

#include <ATen/Parallel.h>

#include <algorithm>
#include <vector>

#include "tunescope/kernels/batch_layout.hpp"

namespace tunescope::cpu {

/// A row, and the model and the sequence that it belongs to.
struct Row {
  std::int64_t index = 0;
  std::size_t model = 0;
  std::size_t sequence = 0;
};

/// Calls `work` for each row, with the rows split over the threads.
template <typename Work>
void for_each_row(const RowLayout& rows, Work work) {
  constexpr std::int64_t kMinRowsPerThread = 16;
  const auto owner = [](std::span<const std::int64_t> offsets, std::int64_t row) {
    return static_cast<std::size_t>(std::upper_bound(offsets.begin(), offsets.end(), row) - offsets.begin()) - 1;
  };
  const std::span<const std::int64_t> models = rows.model_offsets.host;
  const std::span<const std::int64_t> sequences = rows.sequence_offsets.host;
  at::parallel_for(0, rows.row_count(), kMinRowsPerThread, [&](std::int64_t begin, std::int64_t end) {
    Row row{begin, owner(models, begin), owner(sequences, begin)};
    for (; row.index < end; ++row.index) {
      while (row.index >= models[row.model + 1]) ++row.model;
      while (row.index >= sequences[row.sequence + 1]) ++row.sequence;
      work(row);
    }
  });
}

template <typename Scalar>
std::vector<const Scalar*> pointers(const PerModelTensors& tensors) {
  std::vector<const Scalar*> data;
  for (const at::Tensor& tensor : tensors) data.push_back(tensor.const_data_ptr<Scalar>());
  return data;
}

}  // namespace tunescope::cpu
