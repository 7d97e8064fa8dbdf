#include <ATen/ops/empty_like.h>
#include <c10/core/DeviceGuard.h>

#include <algorithm>

#include "../backends/attention.hpp"
#include "device/attention/backward.hpp"
#include "device/attention/forward.hpp"
#include "device/vector.hpp"
#include "launch/device_arguments.hpp"
#include "launch/launch.hpp"

namespace tunescope::cuda {
namespace {

StridedRows<const float> rows_of(const at::Tensor& tensor, std::int64_t first_column = 0) {
  return {tensor.const_data_ptr<float>() + first_column, tensor.stride(0)};
}

DeviceResult result_in(const at::Tensor& full, const at::Tensor& rounded, std::int64_t first_column = 0) {
  DeviceResult result{{full.mutable_data_ptr<float>() + first_column, full.stride(0)}};
  if (rounded.defined()) {
    result.rounded = {rounded.mutable_data_ptr<c10::BFloat16>() + first_column, rounded.stride(0)};
  }
  return result;
}

// Whether every row and head of it, whose widths are multiples of 4, may be read and written four numbers at a time.
bool are_aligned(const at::Tensor& rows) {
  if (!rows.defined()) return true;
  return rows.stride(0) % 4 == 0 && is_aligned(rows.const_data_ptr(), 4 * rows.element_size());
}
bool are_aligned(const AttentionInputs& rows) { return are_aligned(rows.query) && are_aligned(rows.key_value); }

DeviceAttention device_attention(const AttentionTensors& tensors) {
  const auto& [query, key_value] = tensors.inputs;
  const AttentionLayout& layout = tensors.layout;
  const std::int64_t hidden = query.size(1);
  const std::int64_t width = hidden / layout.heads;
  return {.query_offsets = layout.queries.sequence_offsets.device,
          .token_offsets = layout.tokens.sequence_offsets.device,
          .is_causal = layout.is_causal,
          .query_tokens = layout.queries.token_rows.device,
          .query_count = query.size(0),
          .heads = static_cast<unsigned>(layout.heads),
          .width = static_cast<int>(width),
          .scale = static_cast<float>(layout.score_scale(width)),
          .dropout = device_dropout(layout.tokens.streams, tensors.dropout),
          .query = rows_of(query),
          .key = rows_of(key_value),
          .value = rows_of(key_value, hidden)};
}

// Calls `launch_with` for the tiles that suit heads and sequences: short sequences would leave most of a larger tile
// empty.
template <typename LaunchWith>
void choose_tiles(const AttentionTensors& tensors, bool is_aligned, const LaunchWith& launch_with) {
  const std::int64_t width = tensors.inputs.query.size(1) / tensors.layout.heads;
  const std::int64_t longest = longest_sequence(tensors.layout.tokens);
  const auto of_width = [&]<int kWidth>() {
    if (longest <= 16) return launch_with(AttentionTiles<16, kWidth, true>());
    if (longest <= 32) return launch_with(AttentionTiles<32, kWidth, true>());
    return launch_with(AttentionTiles<64, kWidth, true>());
  };
  if (is_aligned && width == 32) return of_width.template operator()<32>();
  if (is_aligned && width == 64) return of_width.template operator()<64>();
  if (width <= 32) return launch_with(AttentionTiles<32, 32, false>());
  if (width <= 64) return launch_with(AttentionTiles<32, 64, false>());
  return launch_with(AttentionTiles<32, 128, false>());
}

// The blocks of a launch: one for each sequence, head and tile of the longest part of `rows`.
template <typename Tiles>
LaunchShape shape_of(DeviceAttention& a, const RowLayout& rows, int shared_floats, int dropout_tokens) {
  const auto tiles = static_cast<unsigned>((longest_sequence(rows) + Tiles::kTile - 1) / Tiles::kTile);
  a.tiles = tiles;
  a.dropout_bytes = a.dropout.threshold == 0 ? 0 : WarpDropout<Tiles>::bytes_of_rows(dropout_tokens);
  const int warps = Tiles::kThreads / static_cast<int>(kWarp);
  return {.grid = static_cast<unsigned>(rows.sequence_count()) * a.heads * tiles,
          .block = Tiles::kThreads,
          .shared_bytes = shared_floats * sizeof(float) + static_cast<std::size_t>(warps * a.dropout_bytes)};
}

void launch_attention(const AttentionTensors& tensors, const AttentionContext& context) {
  const RowLayout& queries = tensors.layout.queries;
  if (queries.row_count() == 0) return;
  const c10::DeviceGuard guard(context.full.device());
  const int longest = static_cast<int>(longest_sequence(tensors.layout.tokens));
  const DeviceAttentionOutput output{result_in(context.full, context.rounded),
                                     tensors.softmax.mutable_data_ptr<float>()};
  const bool aligned = are_aligned(tensors.inputs) && are_aligned(context.full) && are_aligned(context.rounded);
  choose_tiles(tensors, aligned, [&]<typename Tiles>(Tiles) {
    DeviceAttention a = device_attention(tensors);
    const LaunchShape shape = shape_of<Tiles>(a, queries, attend_shared_floats<Tiles>(), longest);
    launch(attend<Tiles>, shape, a, output);
  });
}

void launch_attention_backward(const AttentionTensors& tensors, const AttentionContextGradient& gradient,
                               const AttentionGradients& gradients) {
  const auto& [of_inputs, rounded] = gradients;
  const RowLayout& queries = tensors.layout.queries;
  const RowLayout& tokens = tensors.layout.tokens;
  if (queries.row_count() == 0) return;
  const c10::DeviceGuard guard(gradient.of_context.device());
  const int longest = static_cast<int>(longest_sequence(tokens));
  const std::int64_t hidden = of_inputs.query.size(1);
  const at::Tensor row_sums = at::empty_like(tensors.softmax);
  const DeviceAttentionGradient g{rows_of(gradient.of_context), rows_of(gradient.context),
                                  tensors.softmax.const_data_ptr<float>(), row_sums.mutable_data_ptr<float>()};
  const bool aligned =
      are_aligned(tensors.inputs) && are_aligned(of_inputs) && are_aligned(rounded) && are_aligned(gradient.of_context);
  choose_tiles(tensors, aligned, [&]<typename Tiles>(Tiles) {
    DeviceAttention a = device_attention(tensors);
    const LaunchShape by_query = shape_of<Tiles>(a, queries, backward_to_queries_shared_floats<Tiles>(), longest);
    launch(attend_backward_to_queries<Tiles>, by_query, a, g, result_in(of_inputs.query, rounded.query));
    const LaunchShape by_key = shape_of<Tiles>(a, tokens, backward_to_keys_shared_floats<Tiles>(),
                                               std::min(longest, WarpDropout<Tiles>::kWholeRows));
    launch(attend_backward_to_keys<Tiles>, by_key, a, g, result_in(of_inputs.key_value, rounded.key_value),
           result_in(of_inputs.key_value, rounded.key_value, hidden));
  });
}

}  // namespace

AttentionForward* const attention = launch_attention;
AttentionBackward* const attention_backward = launch_attention_backward;

}  // namespace tunescope::cuda
