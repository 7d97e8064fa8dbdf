#include "tunescope/kernels/id_order.hpp"

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include "tunescope/base/error.hpp"
#include "tunescope/device/host_tensor.hpp"

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

struct SegmentLists {
  SortedRows rows;
  std::vector<std::int64_t> offsets, ids, groups, id_offsets, piece_offsets = {0}, piece_segments;
};

SegmentLists list_segments(std::span<const std::int64_t> ids, std::span<const std::int64_t> groups) {
  SegmentLists lists;
  SortedRows in_order(ids.size());
  std::iota(in_order.begin(), in_order.end(), 0);
  lists.rows = sorted_by(ids, sorted_by(groups, in_order));
  for (std::size_t i = 0; i < lists.rows.size(); ++i) {
    const auto row = static_cast<std::size_t>(lists.rows[i]);
    const std::int64_t group = groups.empty() ? 0 : groups[row];
    const bool is_new_id = lists.ids.empty() || lists.ids.back() != ids[row];
    if (is_new_id) lists.id_offsets.push_back(static_cast<std::int64_t>(lists.ids.size()));
    if (!is_new_id && lists.groups.back() == group) continue;
    lists.offsets.push_back(static_cast<std::int64_t>(i));
    lists.ids.push_back(ids[row]);
    lists.groups.push_back(group);
  }
  lists.offsets.push_back(static_cast<std::int64_t>(lists.rows.size()));
  lists.id_offsets.push_back(static_cast<std::int64_t>(lists.ids.size()));
  for (std::size_t segment = 0; segment + 1 < lists.offsets.size(); ++segment) {
    const std::int64_t rows = lists.offsets[segment + 1] - lists.offsets[segment];
    const std::int64_t pieces = (rows + IdSegments::kPieceRows - 1) / IdSegments::kPieceRows;
    lists.piece_offsets.push_back(lists.piece_offsets.back() + pieces);
    lists.piece_segments.insert(lists.piece_segments.end(), static_cast<std::size_t>(pieces),
                                static_cast<std::int64_t>(segment));
  }
  return lists;
}

}  // namespace

IdOrder::IdOrder(std::span<const std::int64_t> ids, std::span<const std::int64_t> groups, at::Device device) {
  if (!groups.empty() && groups.size() != ids.size()) throw Error("there is not one group for each id");
  const SegmentLists lists = list_segments(ids, groups);
  const std::initializer_list<std::pair<const std::vector<std::int64_t>&, LayoutNumbers<std::int64_t>&>> parts = {
      {lists.rows, segments_.rows},
      {lists.offsets, segments_.offsets},
      {lists.ids, segments_.ids},
      {lists.groups, segments_.groups},
      {lists.id_offsets, segments_.id_offsets},
      {lists.piece_offsets, segments_.piece_offsets},
      {lists.piece_segments, segments_.piece_segments}};
  std::size_t total = 0;
  for (const auto& [numbers, part] : parts) total += numbers.size();
  host_ = host_tensor({static_cast<std::int64_t>(total)}, at::kLong, device);
  std::int64_t* next = host_.mutable_data_ptr<std::int64_t>();
  for (const auto& [numbers, part] : parts) {
    part.host = {next, numbers.size()};
    next = std::ranges::copy(numbers, next).out;
  }
  device_ = host_.to(device, /*non_blocking=*/true);
  const std::int64_t* on_device = device_.const_data_ptr<std::int64_t>();
  for (const auto& [numbers, part] : parts) {
    part.device = on_device;
    on_device += numbers.size();
  }
}

}  // namespace tunescope
