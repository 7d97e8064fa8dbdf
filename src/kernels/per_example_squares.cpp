#include "tunescope/kernels/per_example_squares.hpp"

#include <algorithm>

#include "backends/per_example_squares.hpp"

namespace tunescope {

const Kernel<AddSquaredProducts>& add_squared_products_kernel() {
  static const Kernel<AddSquaredProducts> kernel{"add_squared_products", aten::add_squared_products,
                                                 cpu::add_squared_products, cuda::add_squared_products};
  return kernel;
}

const Kernel<AddSquaredLayerNorm>& add_squared_layer_norm_kernel() {
  static const Kernel<AddSquaredLayerNorm> kernel{"add_squared_layer_norm", aten::add_squared_layer_norm, nullptr,
                                                  cuda::add_squared_layer_norm};
  return kernel;
}

const Kernel<AddSquaredScatters>& add_squared_scatters_kernel() {
  static const Kernel<AddSquaredScatters> kernel{"add_squared_scatters", aten::add_squared_scatters, nullptr,
                                                 cuda::add_squared_scatters};
  return kernel;
}

void add_squared_products(std::span<const SquaredSums> layers, const at::Tensor& output_gradient,
                          const at::Tensor& input, const RowGroups& groups) {
  const Kernel<AddSquaredProducts>& kernel = add_squared_products_kernel();
  check_contract(output_gradient.size(0) == groups.row_count(), kernel.name, "the rows are not those of the groups");
  std::int64_t columns = 0;
  for (const auto& [weight, bias, outputs] : layers) {
    columns += outputs;
    if (!weight.defined()) continue;
    check_contract(input.size(0) == groups.row_count(), kernel.name, "the rows are not those of the groups");
    check_contract(weight.is_contiguous() && weight.size(0) == outputs && weight.size(1) == input.size(1), kernel.name,
                   "the sums are not contiguous [out, in]");
  }
  check_contract(output_gradient.size(1) == columns, kernel.name, "the columns are not those of the layers");
  const at::ScalarType type = output_gradient.scalar_type();
  check_contract(!input.defined() || input.scalar_type() == type, kernel.name, "the factors are of different types");
  const bool is_bfloat16 = type == at::kBFloat16;
  const bool is_float = type == at::kFloat || is_bfloat16;
  AddSquaredProducts& add = kernel.on(output_gradient.device(), {.by_cpu = is_float, .by_cuda = is_float});
  if (!is_bfloat16 || &add == kernel.cuda) return add(layers, output_gradient, input, groups);
  // Only GPUs have something faster for bfloat16. Each of its numbers is one of float32.
  add(layers, output_gradient.to(at::kFloat), input.defined() ? input.to(at::kFloat) : input, groups);
}

void add_squared_layer_norm(const SquaredSums& sums, const at::Tensor& output_gradient,
                            const LayerNormActivations& saved, const RowGroups& groups) {
  const Kernel<AddSquaredLayerNorm>& kernel = add_squared_layer_norm_kernel();
  check_contract(output_gradient.size(0) == groups.row_count() && output_gradient.sizes() == saved.input.sizes(),
                 kernel.name, "the rows are not those of the groups");
  kernel.on(output_gradient.device(), {.by_cuda = output_gradient.scalar_type() == at::kFloat})(sums, output_gradient,
                                                                                                saved, groups);
}

void add_squared_scatters(const at::Tensor& sums, const EmbeddingIds& ids, const at::Tensor& rows,
                          const RowGroups& groups) {
  const Kernel<AddSquaredScatters>& kernel = add_squared_scatters_kernel();
  check_contract(rows.size(0) == groups.row_count() && ids.of_rows.numel() == rows.size(0), kernel.name,
                 "there is not one id for each row of the groups");
  check_contract(sums.is_contiguous() && sums.size(1) == rows.size(1), kernel.name,
                 "the sums are not contiguous [V, H]");
  if (ids.order) {
    const bool is_of_groups =
        std::ranges::all_of(ids.order->groups.host, [&](std::int64_t group) { return group < groups.count(); });
    check_contract(static_cast<std::int64_t>(ids.order->rows.size()) == rows.size(0) && is_of_groups, kernel.name,
                   "the order of the ids is not of these rows and groups");
  }
  const bool by_cuda = ids.order && rows.scalar_type() == at::kFloat;
  kernel.on(sums.device(), {.by_cuda = by_cuda})(sums, ids, rows, groups);
}

}  // namespace tunescope
