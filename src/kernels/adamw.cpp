#include "tunescope/kernels/adamw.hpp"

#include "backends/adamw.hpp"

namespace tunescope {

const Kernel<AdamWUpdate>& adamw_step_kernel() {
  static const Kernel<AdamWUpdate> kernel{"adamw_step", aten::adamw_step_};
  return kernel;
}

void adamw_step_(const AdamWBuffers& buffers, const AdamWStep& step) {
  const Kernel<AdamWUpdate>& kernel = adamw_step_kernel();
  const auto& [values, gradients, first_moments, second_moments] = buffers;
  check_contract(gradients.sizes() == values.sizes() && first_moments.sizes() == values.sizes() &&
                     second_moments.sizes() == values.sizes(),
                 kernel.name, "values, gradients and moments are not of one shape");
  if (values.numel() > 0 && has_numbers(values)) kernel.on(values.device())(buffers, step);
}

}  // namespace tunescope
