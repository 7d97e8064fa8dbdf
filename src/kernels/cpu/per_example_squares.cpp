#include "../backends/per_example_squares.hpp"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/sum.h>

#include <algorithm>

#include "squared_products.hpp"

namespace tunescope::cpu {
namespace {

std::int64_t round_up(std::int64_t value, std::int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

// The tensor itself if the numbers of a row are contiguous (rows may be apart), else a copy.
at::Tensor with_unit_stride(const at::Tensor& matrix) { return matrix.stride(1) == 1 ? matrix : matrix.contiguous(); }

}  // namespace

// The rows of `sums` are split into blocks, and the blocks over the threads. The squares of a block fit into the
// second-level cache of a core.
void add_squared_products(const at::Tensor& sums, const at::Tensor& output_gradient, const at::Tensor& input,
                          std::span<const std::int64_t> offsets) {
  constexpr std::int64_t kBlockElements = 65536;
  constexpr std::int64_t kRowMultiple = 12;
  const at::Tensor gradients = with_unit_stride(output_gradient);
  const at::Tensor inputs = with_unit_stride(input);
  const std::int64_t height = sums.size(0);
  const std::int64_t width = sums.size(1);
  // The same number of blocks for each thread, and whole register tiles in each block.
  const std::int64_t blocks = round_up(height * width / kBlockElements + 1, at::get_num_threads());
  const std::int64_t rows = round_up((height + blocks - 1) / blocks, kRowMultiple);
  at::parallel_for(0, (height + rows - 1) / rows, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t first = begin * rows; first < std::min(end * rows, height); first += rows) {
      add_squared_products_on_cpu(
          sums.mutable_data_ptr<double>() + first * width,
          {gradients.const_data_ptr<float>() + first, std::min(rows, height - first), gradients.stride(0)},
          {inputs.const_data_ptr<float>(), width, inputs.stride(0)}, offsets);
    }
  });
}

void add_squared_sums(const at::Tensor& sums, const at::Tensor& rows, std::span<const std::int64_t> offsets) {
  const auto groups = static_cast<std::int64_t>(offsets.size()) - 1;
  const at::Tensor group_sums = at::empty({groups, rows.size(1)}, rows.options());
  at::parallel_for(0, groups, 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto group = static_cast<std::size_t>(begin); group < static_cast<std::size_t>(end); ++group) {
      at::Tensor target = group_sums[static_cast<std::int64_t>(group)];
      at::sum_out(target, rows.narrow(0, offsets[group], offsets[group + 1] - offsets[group]), 0);
    }
  });
  sums.add_(group_sums.to(at::kDouble).square_().sum(0));
}

}  // namespace tunescope::cpu
