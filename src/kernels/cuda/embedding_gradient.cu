#include <ATen/ops/empty.h>
#include <c10/core/DeviceGuard.h>

#include "../backends/embedding_gradient.hpp"
#include "device/id_order.hpp"
#include "device/rows/row_models.hpp"
#include "device/ticket.hpp"
#include "launch/id_order.hpp"
#include "launch/launch.hpp"
#include "launch/model_launches.hpp"
#include "launch/tickets.hpp"

namespace tunescope::cuda {
namespace {

constexpr int kPiecesPerBlock = 8;  // a warp each

struct DeviceTable {
  float* gradient;  // null: not wanted
  bool accumulate;
};

// The sum of `count` rows that lie one after another.
template <int kCount>
__device__ Vector<float, kCount> sum_partials(const float* partials, int width, std::int64_t count) {
  Vector<float, kCount> sums = {};
  for (std::int64_t begin = 0; begin < count; begin += kRowsInFlight) {
    Vector<float, kCount> loaded[kRowsInFlight] = {};
    for (int i = 0; i < kRowsInFlight; ++i) {
      if (begin + i < count) loaded[i] = load<kCount>(partials + (begin + i) * width);
    }
    for (int i = 0; i < kRowsInFlight; ++i) add(sums, loaded[i]);
  }
  return sums;
}

// A warp sums the rows of a piece for some columns: blockIdx.y is their number. If a segment has several pieces, the
// warp that ends last adds up their sums.
template <int kCount>
__global__ void __launch_bounds__(kPiecesPerBlock* kWarp)
    sum_segments(const float* numbers, int width, DeviceIdOrder order, ByModel<DeviceTable> tables,
                 std::int64_t first_model, float* partials, unsigned* tickets) {
  const std::int64_t piece = std::int64_t{blockIdx.x} * kPiecesPerBlock + threadIdx.y;
  if (piece >= order.pieces) return;
  const std::int64_t segment = order.piece_segments[piece];
  const std::int64_t model = order.groups[segment] - first_model;
  if (model < 0 || model >= kModelsPerLaunch) return;
  const DeviceTable& table = tables.of[model];
  if (table.gradient == nullptr) return;
  const int column = static_cast<int>(blockIdx.y * kWarp + threadIdx.x) * kCount;
  const std::int64_t first_piece = order.piece_offsets[segment];
  const std::int64_t pieces = order.piece_offsets[segment + 1] - first_piece;
  const std::int64_t first = order.offsets[segment] + (piece - first_piece) * IdOrder::kPieceRows;
  const std::int64_t end_of_piece = first + IdOrder::kPieceRows;
  const std::int64_t end_of_segment = order.offsets[segment + 1];
  const std::int64_t end = end_of_piece < end_of_segment ? end_of_piece : end_of_segment;
  Vector<float, kCount> sums = sum_rows<kCount>(numbers, width, column, order.rows + first, order.rows + end);

  if (pieces > 1) {
    if (column < width) store(partials + piece * width + column, sums);
    unsigned* const ticket = tickets + segment * gridDim.y + blockIdx.y;
    if (!is_last_warp(ticket, static_cast<unsigned>(pieces))) return;
    if (column < width) sums = sum_partials<kCount>(partials + first_piece * width + column, width, pieces);
  }
  if (column >= width) return;
  float* const target = table.gradient + order.ids[segment] * width + column;
  for (int i = 0; i < kCount; ++i) target[i] = table.accumulate ? target[i] + sums.at[i] : sums.at[i];
}

void launch_embedding_gradients(const at::Tensor& output_gradient, const EmbeddingIds& ids,
                                std::span<const std::int64_t> /*are in the order*/,
                                std::span<const GradientTarget> targets) {
  const c10::DeviceGuard guard(output_gradient.device());
  for (const auto& [table, accumulate] : targets) {
    if (table.defined() && accumulate == Accumulate::kNo) table.zero_();
  }
  const std::int64_t width = output_gradient.size(1);
  const DeviceIdOrder order = order_on_device(*ids.order);
  const auto segment_count = static_cast<std::int64_t>(ids.order->ids.size());
  if (order.pieces == 0 || width == 0) return;
  const float* const numbers = output_gradient.const_data_ptr<float>();
  const bool in_fours = take_fours(width, numbers);
  const unsigned column_blocks = blocks_for(width, kWarp * (in_fours ? 4 : 1));
  const at::Tensor partials =
      at::empty({order.pieces > segment_count ? order.pieces * width : 0}, output_gradient.options());
  for_each_launch(targets.size(), [&](const LaunchModels& models) {
    bool is_wanted = false;
    const auto tables = models.table([&](std::size_t model) {
      const auto& [table, accumulate] = targets[model];
      if (!table.defined()) return DeviceTable{};
      is_wanted = true;
      return DeviceTable{table.mutable_data_ptr<float>(), accumulate == Accumulate::kYes};
    });
    if (!is_wanted) return;
    launch(in_fours ? sum_segments<4> : sum_segments<1>,
           {{blocks_for(order.pieces, kPiecesPerBlock), column_blocks}, {kWarp, kPiecesPerBlock}}, numbers,
           static_cast<int>(width), order, tables, static_cast<std::int64_t>(models.first),
           partials.mutable_data_ptr<float>(), tickets(output_gradient.device(), segment_count * column_blocks));
  });
}

}  // namespace

EmbeddingGradients* const embedding_gradients = launch_embedding_gradients;

}  // namespace tunescope::cuda
