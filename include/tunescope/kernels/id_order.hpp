#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>

#include "tunescope/kernels/batch_layout.hpp"

namespace tunescope {

/// Rows sorted by their ids, and those of one id by their groups: the rows of one id and group are a segment. Within a
/// segment they keep their order. Segments are cut into pieces of at most `kPieceRows` rows, so that many blocks of a
/// kernel share a long one. R rows, I different ids, S segments, P pieces.
struct IdSegments {
  static constexpr std::int64_t kPieceRows = 64;

  LayoutNumbers<std::int64_t> rows;            ///< [R], row numbers
  LayoutNumbers<std::int64_t> offsets;         ///< [S+1]; segment s has rows[offsets[s]] ... rows[offsets[s+1]-1]
  LayoutNumbers<std::int64_t> ids;             ///< [S]
  LayoutNumbers<std::int64_t> groups;          ///< [S]
  LayoutNumbers<std::int64_t> id_offsets;      ///< [I+1]; the segments of one id, of which ids are in ascending order
  LayoutNumbers<std::int64_t> piece_offsets;   ///< [S+1]; the pieces of each segment
  LayoutNumbers<std::int64_t> piece_segments;  ///< [P], the segment of each piece
};

/// Makes them on the host, in time O(R + largest id + largest group). If the rows are on another device than the CPU,
/// all numbers go there in one copy.
class IdOrder {
 public:
  /// `ids` [R], not negative. `groups` [R], not negative, is what is summed apart: the model of each row, or the
  /// example; empty: all rows are of group 0. Throws `Error` if a number is negative.
  IdOrder(std::span<const std::int64_t> ids, std::span<const std::int64_t> groups, at::Device device);

  const IdSegments& segments() const { return segments_; }

 private:
  at::Tensor host_, device_;  // all numbers
  IdSegments segments_;
};

}  // namespace tunescope
