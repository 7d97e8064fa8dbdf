#include "../backends/grouped_product.hpp"

namespace tunescope::aten {

// By the device's own product of two matrices, if it has one.
void grouped_product(std::span<const GroupedProduct> products) {
  for (const auto& [a, b, c, scale, accumulate] : products) tunescope::matmul(a, b, c, accumulate, scale);
}

}  // namespace tunescope::aten
