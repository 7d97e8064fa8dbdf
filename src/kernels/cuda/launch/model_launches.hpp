#pragma once

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cstdint>

#include "../device/rows/row_models.hpp"
#include "../device/vector.hpp"
#include "tunescope/kernels/batch_layout.hpp"

namespace tunescope::cuda {

/// The models of one launch: `count` of them from `first` on.
struct LaunchModels {
  std::size_t first = 0;
  std::size_t count = 0;

  /// A table with `value_of(model)` for each.
  template <typename ValueOf>
  auto table(ValueOf value_of) const {
    ByModel<decltype(value_of(first))> values;
    for (std::size_t i = 0; i < count; ++i) values.of[i] = value_of(first + i);
    return values;
  }
};

/// Calls `start` for at most `kModelsPerLaunch` models at a time: once, unless more are co-trained.
template <typename Start>
void for_each_launch(std::size_t models, Start start) {
  for (std::size_t first = 0; first < models; first += kModelsPerLaunch) {
    start(LaunchModels{first, std::min<std::size_t>(kModelsPerLaunch, models - first)});
  }
}

/// The same with their rows, leaving out models of which none has any.
template <typename Start>
void for_each_launch(const RowLayout& rows, Start start) {
  for_each_launch(rows.model_count(), [&](const LaunchModels& models) {
    const DeviceRows of_launch{.row_sequences = rows.row_sequences.device,
                               .sequence_models = rows.sequence_models.device,
                               .first_row = rows.model_offsets[models.first],
                               .end_row = rows.model_offsets[models.first + models.count],
                               .first_model = static_cast<std::int64_t>(models.first)};
    if (of_launch.first_row < of_launch.end_row) start(models, of_launch);
  });
}

inline unsigned blocks_for(std::int64_t items, std::int64_t per_block) {
  return static_cast<unsigned>((items + per_block - 1) / per_block);
}

/// Whether four float32 numbers can be moved at a time, for rows of `width` numbers that begin at these addresses.
inline constexpr std::uintptr_t kVectorBytes = 16;
template <typename... Pointers>
bool take_fours(std::int64_t width, const Pointers*... addresses) {
  return width % 4 == 0 && (is_aligned(addresses, kVectorBytes) && ...);
}

/// The same for a parameter of each model that has one.
inline bool are_aligned(const PerModelTensors& tensors) {
  return std::ranges::all_of(tensors, [](const at::Tensor& tensor) {
    return !tensor.defined() || is_aligned(tensor.const_data_ptr(), kVectorBytes);
  });
}

}  // namespace tunescope::cuda
