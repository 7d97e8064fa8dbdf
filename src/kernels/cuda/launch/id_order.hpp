#pragma once

#include "../device/id_order.hpp"
#include "tunescope/kernels/id_order.hpp"

namespace tunescope::cuda {

inline DeviceIdOrder order_on_device(const IdOrder& order) {
  return {.rows = order.rows.device,
          .offsets = order.offsets.device,
          .ids = order.ids.device,
          .groups = order.groups.device,
          .id_offsets = order.id_offsets.device,
          .piece_offsets = order.piece_offsets.device,
          .piece_segments = order.piece_segments.device,
          .pieces = static_cast<std::int64_t>(order.piece_segments.size())};
}

}  // namespace tunescope::cuda
