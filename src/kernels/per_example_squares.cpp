#include "tunescope/kernels/per_example_squares.hpp"

#include <ATen/Parallel.h>
#include <ATen/ops/_unique2.h>
#include <ATen/ops/addcmul.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <functional>
#include <vector>

#include "cpu/squared_products.hpp"

namespace tunescope {
namespace {

// On the CPU the range is split over the threads, and the ATen operations in `body` then use one thread each.
void for_range(const at::Tensor& like, std::int64_t count, const std::function<void(std::int64_t)>& body) {
  if (!like.is_cpu()) {
    for (std::int64_t i = 0; i < count; ++i) body(i);
    return;
  }
  at::parallel_for(0, count, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) body(i);
  });
}

at::Tensor group_rows(const at::Tensor& rows, std::span<const std::int64_t> offsets, std::size_t group) {
  return rows.narrow(0, offsets[group], offsets[group + 1] - offsets[group]);
}

std::int64_t round_up(std::int64_t value, std::int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

// The tensor itself if the numbers of a row are contiguous (rows may be apart), else a copy.
at::Tensor with_unit_stride(const at::Tensor& matrix) { return matrix.stride(1) == 1 ? matrix : matrix.contiguous(); }

// The rows of `sums` are split into blocks, and the blocks over the threads. The squares of a block fit into the
// second-level cache of a core.
void add_on_cpu(const at::Tensor& sums, const at::Tensor& output_gradient, const at::Tensor& input,
                std::span<const std::int64_t> offsets) {
  constexpr std::int64_t kBlockElements = 65536;
  constexpr std::int64_t kRowMultiple = 12;
  const std::int64_t height = sums.size(0);
  const std::int64_t width = sums.size(1);
  // The same number of blocks for each thread, and whole register tiles in each block.
  const std::int64_t blocks = round_up(height * width / kBlockElements + 1, at::get_num_threads());
  const std::int64_t rows = round_up((height + blocks - 1) / blocks, kRowMultiple);
  for_range(sums, (height + rows - 1) / rows, [&](std::int64_t block) {
    const std::int64_t first = block * rows;
    add_squared_products_on_cpu(
        sums.mutable_data_ptr<double>() + first * width,
        {output_gradient.const_data_ptr<float>() + first, std::min(rows, height - first), output_gradient.stride(0)},
        {input.const_data_ptr<float>(), width, input.stride(0)}, offsets);
  });
}

}  // namespace

void add_squared_products(const at::Tensor& sums, const at::Tensor& output_gradient, const at::Tensor& input,
                          std::span<const std::int64_t> offsets) {
  if (sums.is_cpu() && input.scalar_type() == at::kFloat) {
    add_on_cpu(sums, with_unit_stride(output_gradient), with_unit_stride(input), offsets);
    return;
  }
  const at::Tensor squares = at::zeros(sums.sizes(), input.options());
  for (std::size_t group = 0; group + 1 < offsets.size(); ++group) {
    const at::Tensor product =
        at::mm(group_rows(output_gradient, offsets, group).t(), group_rows(input, offsets, group));
    squares.addcmul_(product, product);
  }
  sums.add_(squares);
}

void add_squared_sums(const at::Tensor& sums, const at::Tensor& rows, std::span<const std::int64_t> offsets) {
  const auto groups = static_cast<std::int64_t>(offsets.size()) - 1;
  const at::Tensor group_sums = at::empty({groups, rows.size(1)}, rows.options());
  for_range(rows, groups, [&](std::int64_t group) {
    at::Tensor target = group_sums[group];
    at::sum_out(target, group_rows(rows, offsets, static_cast<std::size_t>(group)), 0);
  });
  sums.add_(group_sums.to(at::kDouble).square_().sum(0));
}

void add_squared_scatters(const at::Tensor& sums, const at::Tensor& ids, const at::Tensor& rows,
                          std::span<const std::int64_t> offsets) {
  std::vector<std::int64_t> group_of_row(static_cast<std::size_t>(ids.numel()));
  for (std::size_t group = 0; group + 1 < offsets.size(); ++group) {
    std::fill(group_of_row.begin() + offsets[group], group_of_row.begin() + offsets[group + 1],
              static_cast<std::int64_t>(group));
  }
  const std::int64_t table_size = sums.size(0);
  const at::Tensor keys = at::tensor(group_of_row, ids.options()).mul_(table_size).add_(ids);
  const auto [distinct, inverse, unused] = at::_unique2(keys, /*sorted=*/true, /*return_inverse=*/true);
  const at::Tensor merged = at::zeros({distinct.numel(), rows.size(1)}, rows.options()).index_add_(0, inverse, rows);
  sums.index_add_(0, distinct.remainder(table_size), merged.to(at::kDouble).square_());
}

}  // namespace tunescope
