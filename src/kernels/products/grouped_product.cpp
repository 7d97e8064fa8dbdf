#include "../backends/grouped_product.hpp"

#include <algorithm>

#include "../backends/matmul.hpp"
#include "../cpu/products/blas.hpp"

namespace tunescope {
namespace {

bool is_of_low_rank(const GroupedProduct& product) {
  constexpr std::int64_t kLowRank = 32;
  return std::min({product.a.size(0), product.a.size(1), product.b.size(1)}) <= kLowRank;
}

}  // namespace

const Kernel<GroupedProducts>& grouped_product_kernel() {
  static const Kernel<GroupedProducts> kernel{"grouped_product", aten::grouped_product, cpu::grouped_product,
                                              cuda::grouped_product};
  return kernel;
}

void grouped_product(std::span<const GroupedProduct> products) {
  if (products.empty()) return;
  const Kernel<GroupedProducts>& kernel = grouped_product_kernel();
  const GroupedProduct& first = products.front();
  const bool is_bfloat16 = first.a.scalar_type() == at::kBFloat16;
  for (const GroupedProduct& product : products) {
    check_operands(kernel.name, product.a, product.b, product.c);
    check_contract(product.a.scalar_type() == first.a.scalar_type() && product.c.scalar_type() == first.c.scalar_type(),
                   kernel.name, "the types of the products differ");
  }
  const Kernel<GroupedProducts>::Covered covered{
      .by_cpu = !is_bfloat16 || cpu::has_bfloat16_gemm(),
      .by_cuda = first.c.scalar_type() == at::kFloat && std::ranges::all_of(products, is_of_low_rank)};
  if (has_numbers(first.c)) kernel.on(first.c.device(), covered)(products);
}

}  // namespace tunescope
