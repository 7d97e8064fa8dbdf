#include "../backends/per_example_squares.hpp"

#include <ATen/ops/_unique2.h>
#include <ATen/ops/addcmul.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/zeros.h>

namespace tunescope::aten {

void add_squared_products(const at::Tensor& sums, const at::Tensor& output_gradient, const at::Tensor& input,
                          std::span<const std::int64_t> offsets) {
  const at::Tensor squares = at::zeros(sums.sizes(), input.options());
  for (std::size_t group = 0; group + 1 < offsets.size(); ++group) {
    const auto rows = [&](const at::Tensor& all) {
      return all.narrow(0, offsets[group], offsets[group + 1] - offsets[group]);
    };
    const at::Tensor product = at::mm(rows(output_gradient).t(), rows(input));
    squares.addcmul_(product, product);
  }
  sums.add_(squares);
}

void add_squared_sums(const at::Tensor& sums, const at::Tensor& rows, std::span<const std::int64_t> offsets) {
  const auto groups = static_cast<std::int64_t>(offsets.size()) - 1;
  const at::Tensor group_sums = at::empty({groups, rows.size(1)}, rows.options());
  for (std::size_t group = 0; group + 1 < offsets.size(); ++group) {
    at::Tensor target = group_sums[static_cast<std::int64_t>(group)];
    at::sum_out(target, rows.narrow(0, offsets[group], offsets[group + 1] - offsets[group]), 0);
  }
  sums.add_(group_sums.to(at::kDouble).square_().sum(0));
}

void add_squared_scatters(const at::Tensor& sums, const at::Tensor& ids, const at::Tensor& rows,
                          const at::Tensor& groups) {
  const std::int64_t table_size = sums.size(0);
  const at::Tensor keys = groups.mul(table_size).add_(ids);
  const auto [distinct, inverse, unused] = at::_unique2(keys, /*sorted=*/true, /*return_inverse=*/true);
  const at::Tensor merged = at::zeros({distinct.numel(), rows.size(1)}, rows.options()).index_add_(0, inverse, rows);
  sums.index_add_(0, distinct.remainder(table_size), merged.to(at::kDouble).square_());
}

}  // namespace tunescope::aten
