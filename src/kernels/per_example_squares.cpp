#include "tunescope/kernels/per_example_squares.hpp"

#include "backends/per_example_squares.hpp"

namespace tunescope {

const Kernel<AddSquaredProducts>& add_squared_products_kernel() {
  static const Kernel<AddSquaredProducts> kernel{"add_squared_products", aten::add_squared_products,
                                                 cpu::add_squared_products};
  return kernel;
}

const Kernel<AddSquaredSums>& add_squared_sums_kernel() {
  static const Kernel<AddSquaredSums> kernel{"add_squared_sums", aten::add_squared_sums, cpu::add_squared_sums};
  return kernel;
}

const Kernel<AddSquaredScatters>& add_squared_scatters_kernel() {
  static const Kernel<AddSquaredScatters> kernel{"add_squared_scatters", aten::add_squared_scatters};
  return kernel;
}

void add_squared_products(const at::Tensor& sums, const at::Tensor& output_gradient, const at::Tensor& input,
                          std::span<const std::int64_t> offsets) {
  const Kernel<AddSquaredProducts>& kernel = add_squared_products_kernel();
  check_contract(sums.is_contiguous() && sums.size(0) == output_gradient.size(1) && sums.size(1) == input.size(1),
                 kernel.name, "the sums are not contiguous [out, in]");
  check_contract(output_gradient.size(0) == offsets.back() && input.size(0) == offsets.back(), kernel.name,
                 "the rows are not those of the groups");
  kernel.on(sums.device(), {.by_cpu = input.scalar_type() == at::kFloat})(sums, output_gradient, input, offsets);
}

void add_squared_sums(const at::Tensor& sums, const at::Tensor& rows, std::span<const std::int64_t> offsets) {
  const Kernel<AddSquaredSums>& kernel = add_squared_sums_kernel();
  check_contract(sums.dim() == 1 && rows.size(1) == sums.size(0) && rows.size(0) == offsets.back(), kernel.name,
                 "the sums are not [H], or the rows not those of the groups");
  kernel.on(sums.device())(sums, rows, offsets);
}

void add_squared_scatters(const at::Tensor& sums, const at::Tensor& ids, const at::Tensor& rows,
                          const at::Tensor& groups) {
  const Kernel<AddSquaredScatters>& kernel = add_squared_scatters_kernel();
  check_contract(sums.size(1) == rows.size(1) && ids.numel() == rows.size(0) && groups.numel() == rows.size(0),
                 kernel.name, "there is not one id and one group for each row [H]");
  kernel.on(sums.device())(sums, ids, rows, groups);
}

}  // namespace tunescope
