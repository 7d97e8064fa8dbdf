#include "../backends/matmul.hpp"

#include <ATen/ops/mm.h>

namespace tunescope::aten {

void matmul(const at::Tensor& a, const at::Tensor& b, const at::Tensor& c, Accumulate accumulate, double scale) {
  const bool is_added = accumulate == Accumulate::kYes;
  if (a.scalar_type() == c.scalar_type()) {
    c.addmm_(a, b, is_added ? 1 : 0, scale);
  } else if (is_added) {
    c.add_(at::mm(a, b), scale);
  } else {
    c.copy_(at::mm(a, b)).mul_(scale);
  }
}

}  // namespace tunescope::aten
