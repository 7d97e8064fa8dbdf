#include "tunescope/kernels/group_squares.hpp"

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

namespace tunescope {
namespace {

// A tile of the product and one of the sums stay in a core's second-level cache.
constexpr std::int64_t kTileElements = 32768;

// On the CPU the range is shared out over the threads; ATen's operations then run on one thread each.
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

}  // namespace

void add_squared_products(const at::Tensor& sums, const at::Tensor& output_gradient, const at::Tensor& input,
                          std::span<const std::int64_t> offsets) {
  const std::int64_t height = sums.size(0);
  const std::int64_t width = sums.size(1);
  const std::int64_t tile = sums.is_cpu() ? std::clamp<std::int64_t>(kTileElements / width, 1, height) : height;
  for_range(sums, (height + tile - 1) / tile, [&](std::int64_t number) {
    const std::int64_t first = number * tile;
    const std::int64_t rows = std::min(tile, height - first);
    const at::Tensor gradients = output_gradient.narrow(1, first, rows);  // [T, rows]
    at::Tensor squares = at::zeros({rows, width}, input.options());
    at::Tensor product = at::empty({rows, width}, input.options());
    for (std::size_t group = 0; group + 1 < offsets.size(); ++group) {
      at::mm_out(product, group_rows(gradients, offsets, group).t(), group_rows(input, offsets, group));
      squares.addcmul_(product, product);
    }
    sums.narrow(0, first, rows).add_(squares);
  });
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
