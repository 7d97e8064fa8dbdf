#include "tunescope/kernels/per_example_squares.hpp"

#include <ATen/Parallel.h>
#include <ATen/ops/_unique2.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/zeros.h>

#include "backends/per_example_squares.hpp"

namespace tunescope {

const Kernel<AddSquaredProducts>& add_squared_products_kernel() {
  static const Kernel<AddSquaredProducts> kernel{"add_squared_products", aten::add_squared_products,
                                                 cpu::add_squared_products};
  return kernel;
}

void add_squared_products(const at::Tensor& sums, const at::Tensor& output_gradient, const at::Tensor& input,
                          std::span<const std::int64_t> offsets) {
  const Kernel<AddSquaredProducts>& kernel = add_squared_products_kernel();
  check_contract(sums.is_contiguous() && sums.size(0) == output_gradient.size(1) && sums.size(1) == input.size(1),
                 kernel.name, "the sums are not contiguous [out, in]");
  check_contract(output_gradient.size(0) == offsets.back() && input.size(0) == offsets.back(), kernel.name,
                 "the rows are not those of the groups");
  kernel.on(sums.device(), input.scalar_type() == at::kFloat)(sums, output_gradient, input, offsets);
}

void add_squared_sums(const at::Tensor& sums, const at::Tensor& rows, std::span<const std::int64_t> offsets) {
  const auto groups = static_cast<std::int64_t>(offsets.size()) - 1;
  const at::Tensor group_sums = at::empty({groups, rows.size(1)}, rows.options());
  const auto sum_groups = [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t group = begin; group < end; ++group) {
      const auto number = static_cast<std::size_t>(group);
      at::Tensor target = group_sums[group];
      at::sum_out(target, rows.narrow(0, offsets[number], offsets[number + 1] - offsets[number]), 0);
    }
  };
  // On the CPU the groups are split over the threads, and the operations in them use one thread each.
  rows.is_cpu() ? at::parallel_for(0, groups, 1, sum_groups) : sum_groups(0, groups);
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

}  // namespace tunescope
