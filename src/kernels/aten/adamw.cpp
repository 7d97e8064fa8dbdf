#include "../backends/adamw.hpp"

#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/full.h>

#include <optional>

namespace tunescope::aten {

void adamw_step_(const AdamWBuffers& buffers, const AdamWStep& step) {
  const auto& [values, gradients, first_moments, second_moments] = buffers;
  const at::TensorOptions options = values.options().dtype(at::kFloat);
  const at::Tensor number = at::full({}, static_cast<double>(step.number), options);
  std::optional<at::Tensor> divisor;
  if (step.gradient_factor != 1.0) divisor = at::full({}, 1.0 / step.gradient_factor, options);
  at::_fused_adamw_({values}, {gradients}, {first_moments}, {second_moments}, {}, {number}, step.learning_rate,
                    step.beta1, step.beta2, step.weight_decay, step.epsilon, false, false, divisor);
}

}  // namespace tunescope::aten
