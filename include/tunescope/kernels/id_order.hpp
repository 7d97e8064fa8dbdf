#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tunescope/kernels/layout_numbers.hpp"

namespace tunescope {

/// Rows sorted by their ids, and those of one id by their groups: the rows of one id and group are a segment. Within a
/// segment they keep their order. Segments are cut into pieces of at most `kPieceRows` rows, so that many blocks of a
/// kernel share a long one. R rows, I different ids, S segments, P pieces.
struct IdOrder {
  static constexpr std::int64_t kPieceRows = 64;

  LayoutNumbers<std::int64_t> rows;            ///< [R], row numbers
  LayoutNumbers<std::int64_t> offsets;         ///< [S+1]; segment s has rows[offsets[s]] ... rows[offsets[s+1]-1]
  LayoutNumbers<std::int64_t> ids;             ///< [S]
  LayoutNumbers<std::int64_t> groups;          ///< [S]
  LayoutNumbers<std::int64_t> id_offsets;      ///< [I+1]; the segments of one id, of which ids are in ascending order
  LayoutNumbers<std::int64_t> piece_offsets;   ///< [S+1]; the pieces of each segment
  LayoutNumbers<std::int64_t> piece_segments;  ///< [P], the segment of each piece
};

/// Sorts rows on the host, in time O(R + largest id + largest group). Copying the lists that it returns fills `order`,
/// which must stay where it is until then. `ids` [R], not negative. `groups` [R], not negative, is what is summed
/// apart: the model of each row, or its group of examples. Throws `Error` if a number is negative or a group is
/// missing.
std::vector<CopiedNumbers::List> order_ids(std::span<const std::int64_t> ids, std::span<const std::int64_t> groups,
                                           IdOrder& order);

/// The ids that chose rows of an embedding table.
struct EmbeddingIds {
  at::Tensor of_rows;                 ///< [R] int64, on the device
  std::optional<IdOrder> order = {};  ///< of the same ids, for gradients on a GPU; absent: none was made
};

}  // namespace tunescope
