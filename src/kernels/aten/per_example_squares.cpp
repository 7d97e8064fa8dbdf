#include "../backends/per_example_squares.hpp"

#include <ATen/ops/addcmul.h>
#include <ATen/ops/mm.h>
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

}  // namespace tunescope::aten
