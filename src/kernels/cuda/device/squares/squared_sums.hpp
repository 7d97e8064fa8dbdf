#pragma once

#include "../simt.hpp"

namespace tunescope {

/// See `RowGroups`.
struct DeviceRowGroups {
  const std::int64_t* sequence_offsets = nullptr;
  std::int64_t sequences = 0;  ///< in all
  std::int64_t sequences_of_a_group = 1;
  std::int64_t count = 0;

  __device__ std::int64_t begin(std::int64_t group) const {
    const std::int64_t first = group * sequences_of_a_group;
    return sequence_offsets[first < sequences ? first : sequences];
  }
};

/// One of the layers whose outputs lie side by side, see `SquaredSums`.
struct DeviceSquaredSums {
  double* weight = nullptr;
  double* bias = nullptr;
  std::int64_t outputs = 0;
};
inline constexpr int kMaxSquaredLayers = 4;
struct DeviceSquaredLayers {
  DeviceSquaredSums at[kMaxSquaredLayers];
};

/// Rows of numbers, `stride` apart.
struct MatrixRows {
  const float* data = nullptr;
  std::int64_t stride = 0;
};

/// Which of the layers the tiles of a row of blocks, blockIdx.y, belong to. No tile belongs to two.
struct TilesOfLayer {
  DeviceSquaredSums layer;
  std::int64_t first_column = 0;  ///< of the layer, among the outputs of all
  std::int64_t first_output = 0;  ///< of the tiles, in the layer

  __device__ TilesOfLayer(const DeviceSquaredLayers& layers, int outputs_of_tile) {
    std::int64_t tile = blockIdx.y;
    bool is_found = false;
    UNROLL
    for (int i = 0; i < kMaxSquaredLayers; ++i) {
      const std::int64_t tiles = (layers.at[i].outputs + outputs_of_tile - 1) / outputs_of_tile;
      if (is_found) continue;
      is_found = tile < tiles;
      if (is_found) {
        layer = layers.at[i];
      } else {
        tile -= tiles;
        first_column += layers.at[i].outputs;
      }
    }
    first_output = tile * outputs_of_tile;
  }
};

}  // namespace tunescope
