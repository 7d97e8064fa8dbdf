#include "tunescope/kernels/id_order.hpp"

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "tunescope/base/error.hpp"

namespace tunescope {
namespace {

using SortedRows = std::vector<std::int64_t>;

// Sorts `rows` by their numbers in `keys`; rows of one key keep their order. A counting sort, for keys are small.
SortedRows sorted_by(std::span<const std::int64_t> keys, const SortedRows& rows) {
  if (keys.empty()) return rows;
  const auto [least, largest] = std::ranges::minmax(keys);
  if (least < 0) throw Error("rows cannot be sorted by the negative number " + std::to_string(least));
  std::vector<std::int64_t> next(static_cast<std::size_t>(largest) + 2, 0);
  for (const std::int64_t key : keys) ++next[static_cast<std::size_t>(key) + 1];
  std::partial_sum(next.begin(), next.end(), next.begin());
  SortedRows sorted(rows.size());
  for (const std::int64_t row : rows) {
    const auto key = static_cast<std::size_t>(keys[static_cast<std::size_t>(row)]);
    sorted[static_cast<std::size_t>(next[key]++)] = row;
  }
  return sorted;
}

}  // namespace

std::vector<CopiedNumbers::List> order_ids(std::span<const std::int64_t> ids, std::span<const std::int64_t> groups,
                                           IdOrder& order) {
  if (groups.size() != ids.size()) throw Error("there is not one group for each id");
  SortedRows in_order(ids.size());
  std::iota(in_order.begin(), in_order.end(), 0);
  SortedRows rows = sorted_by(ids, sorted_by(groups, in_order));
  std::vector<std::int64_t> offsets, segment_ids, segment_groups, id_offsets, piece_offsets = {0}, piece_segments;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto row = static_cast<std::size_t>(rows[i]);
    const bool is_new_id = segment_ids.empty() || segment_ids.back() != ids[row];
    if (is_new_id) id_offsets.push_back(static_cast<std::int64_t>(segment_ids.size()));
    if (!is_new_id && segment_groups.back() == groups[row]) continue;
    offsets.push_back(static_cast<std::int64_t>(i));
    segment_ids.push_back(ids[row]);
    segment_groups.push_back(groups[row]);
  }
  offsets.push_back(static_cast<std::int64_t>(rows.size()));
  id_offsets.push_back(static_cast<std::int64_t>(segment_ids.size()));
  for (std::size_t segment = 0; segment < segment_ids.size(); ++segment) {
    const std::int64_t in_segment = offsets[segment + 1] - offsets[segment];
    const std::int64_t pieces = (in_segment + IdOrder::kPieceRows - 1) / IdOrder::kPieceRows;
    piece_offsets.push_back(piece_offsets.back() + pieces);
    piece_segments.insert(piece_segments.end(), static_cast<std::size_t>(pieces), static_cast<std::int64_t>(segment));
  }
  return {{std::move(rows), &order.rows},
          {std::move(offsets), &order.offsets},
          {std::move(segment_ids), &order.ids},
          {std::move(segment_groups), &order.groups},
          {std::move(id_offsets), &order.id_offsets},
          {std::move(piece_offsets), &order.piece_offsets},
          {std::move(piece_segments), &order.piece_segments}};
}

}  // namespace tunescope
