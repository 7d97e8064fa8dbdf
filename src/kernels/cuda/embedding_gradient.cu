#include <ATen/ops/empty.h>
#include <c10/core/DeviceGuard.h>

#include "../backends/embedding_gradient.hpp"
#include "device/rows/row_models.hpp"
#include "device/ticket.hpp"
#include "device/vector.hpp"
#include "launch/launch.hpp"
#include "launch/model_launches.hpp"
#include "launch/tickets.hpp"

namespace tunescope::cuda {
namespace {

constexpr int kPiecesPerBlock = 8;  // a warp each
constexpr int kRowsAtOnce = 8;      // so that a warp waits for so many loads at once

// See `IdSegments`.
struct DeviceSegments {
  const std::int64_t* rows;
  const std::int64_t* offsets;
  const std::int64_t* ids;
  const std::int64_t* models;
  const std::int64_t* piece_offsets;
  const std::int64_t* piece_segments;
  std::int64_t pieces;
};

struct DeviceTable {
  float* gradient;  // null: not wanted
  bool accumulate;
};

// The sum of the rows whose numbers are at `first` ... `end`, for the columns of this thread.
template <int kCount>
__device__ Vector<float, kCount> sum_rows(const float* numbers, int width, int column, const std::int64_t* first,
                                          const std::int64_t* end) {
  Vector<float, kCount> sums = {};
  for (; first < end; first += kWarp) {
    const auto count = static_cast<int>(end - first < kWarp ? end - first : kWarp);
    const int own_row = static_cast<int>(threadIdx.x) < count ? static_cast<int>(first[threadIdx.x]) : 0;
    for (int begin = 0; begin < count; begin += kRowsAtOnce) {
      Vector<float, kCount> loaded[kRowsAtOnce] = {};
      for (int i = 0; i < kRowsAtOnce; ++i) {
        const std::int64_t row = __shfl_sync(kAllLanes, own_row, begin + i);
        if (begin + i < count && column < width) loaded[i] = load<kCount>(numbers + row * width + column);
      }
      for (int i = 0; i < kRowsAtOnce; ++i) add(sums, loaded[i]);
    }
  }
  return sums;
}

// The sum of `count` rows that lie one after another.
template <int kCount>
__device__ Vector<float, kCount> sum_partials(const float* partials, int width, std::int64_t count) {
  Vector<float, kCount> sums = {};
  for (std::int64_t begin = 0; begin < count; begin += kRowsAtOnce) {
    Vector<float, kCount> loaded[kRowsAtOnce] = {};
    for (int i = 0; i < kRowsAtOnce; ++i) {
      if (begin + i < count) loaded[i] = load<kCount>(partials + (begin + i) * width);
    }
    for (int i = 0; i < kRowsAtOnce; ++i) add(sums, loaded[i]);
  }
  return sums;
}

// A warp sums the rows of a piece for some columns: blockIdx.y is their number. If a segment has several pieces, the
// warp that ends last adds up their sums.
template <int kCount>
__global__ void __launch_bounds__(kPiecesPerBlock* kWarp)
    sum_segments(const float* numbers, int width, DeviceSegments segments, ByModel<DeviceTable> tables,
                 std::int64_t first_model, float* partials, unsigned* tickets) {
  const std::int64_t piece = std::int64_t{blockIdx.x} * kPiecesPerBlock + threadIdx.y;
  if (piece >= segments.pieces) return;
  const std::int64_t segment = segments.piece_segments[piece];
  const std::int64_t model = segments.models[segment] - first_model;
  if (model < 0 || model >= kModelsPerLaunch) return;
  const DeviceTable& table = tables.of[model];
  if (table.gradient == nullptr) return;
  const int column = static_cast<int>(blockIdx.y * kWarp + threadIdx.x) * kCount;
  const std::int64_t first_piece = segments.piece_offsets[segment];
  const std::int64_t pieces = segments.piece_offsets[segment + 1] - first_piece;
  const std::int64_t first = segments.offsets[segment] + (piece - first_piece) * IdSegments::kPieceRows;
  const std::int64_t end_of_piece = first + IdSegments::kPieceRows;
  const std::int64_t end_of_segment = segments.offsets[segment + 1];
  const std::int64_t end = end_of_piece < end_of_segment ? end_of_piece : end_of_segment;
  Vector<float, kCount> sums = sum_rows<kCount>(numbers, width, column, segments.rows + first, segments.rows + end);

  if (pieces > 1) {
    if (column < width) store(partials + piece * width + column, sums);
    unsigned* const ticket = tickets + segment * gridDim.y + blockIdx.y;
    if (!is_last_warp(ticket, static_cast<unsigned>(pieces))) return;
    if (column < width) sums = sum_partials<kCount>(partials + first_piece * width + column, width, pieces);
  }
  if (column >= width) return;
  float* const target = table.gradient + segments.ids[segment] * width + column;
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
  const IdSegments& order = ids.order->segments();
  const auto pieces = static_cast<std::int64_t>(order.piece_segments.size());
  const auto segment_count = static_cast<std::int64_t>(order.ids.size());
  if (pieces == 0 || width == 0) return;
  const DeviceSegments segments{order.rows.device,
                                order.offsets.device,
                                order.ids.device,
                                order.groups.device,
                                order.piece_offsets.device,
                                order.piece_segments.device,
                                pieces};
  const float* const numbers = output_gradient.const_data_ptr<float>();
  const bool in_fours = take_fours(width, numbers);
  const unsigned column_blocks = blocks_for(width, kWarp * (in_fours ? 4 : 1));
  const at::Tensor partials = at::empty({pieces > segment_count ? pieces * width : 0}, output_gradient.options());
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
           {{blocks_for(pieces, kPiecesPerBlock), column_blocks}, {kWarp, kPiecesPerBlock}}, numbers,
           static_cast<int>(width), segments, tables, static_cast<std::int64_t>(models.first),
           partials.mutable_data_ptr<float>(), tickets(output_gradient.device(), segment_count * column_blocks));
  });
}

}  // namespace

EmbeddingGradients* const embedding_gradients = launch_embedding_gradients;

}  // namespace tunescope::cuda
