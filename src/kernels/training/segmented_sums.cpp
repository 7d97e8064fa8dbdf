#include "tunescope/kernels/training/segmented_sums.hpp"

#include <ATen/ops/empty.h>

#include "../backends/training/segmented_sums.hpp"

namespace tunescope {
namespace {

bool is_summable(const at::Tensor& tensor, const at::Tensor& like) {
  return tensor.is_contiguous() && tensor.is_floating_point() && tensor.device() == like.device();
}

at::TensorOptions sums_beside(const at::Tensor& tensor) { return tensor.options().dtype(at::kDouble); }

}  // namespace

const Kernel<GradientNorms>& gradient_norms_kernel() {
  static const Kernel<GradientNorms> kernel{"gradient_norms", aten::gradient_norms, cpu::gradient_norms,
                                            cuda::gradient_norms};
  return kernel;
}

const Kernel<ParameterChanges>& parameter_changes_kernel() {
  static const Kernel<ParameterChanges> kernel{"parameter_changes", aten::parameter_changes, cpu::parameter_changes,
                                               cuda::parameter_changes};
  return kernel;
}

at::Tensor gradient_norms(std::span<const at::Tensor> gradients) {
  const Kernel<GradientNorms>& kernel = gradient_norms_kernel();
  check_contract(!gradients.empty(), kernel.name, "there is no tensor");
  const at::Tensor& any = gradients.front();
  bool is_float32 = true;
  for (const at::Tensor& gradient : gradients) {
    check_contract(is_summable(gradient, any), kernel.name, "a tensor is not contiguous, or on another device");
    is_float32 = is_float32 && gradient.scalar_type() == at::kFloat;
  }
  at::Tensor norms = at::empty({static_cast<std::int64_t>(gradients.size())}, sums_beside(any));
  if (has_numbers(any)) {
    kernel.on(any.device(), {.by_cpu = is_float32, .by_cuda = is_float32})(gradients, norms);
  }
  return norms;
}

at::Tensor parameter_changes(std::span<const ChangedTensor> tensors) {
  const Kernel<ParameterChanges>& kernel = parameter_changes_kernel();
  check_contract(!tensors.empty(), kernel.name, "there is no tensor");
  const at::Tensor& any = tensors.front().initial;
  bool is_float32 = true;
  for (const auto& [initial, trained] : tensors) {
    check_contract(is_summable(initial, any) && is_summable(trained, any), kernel.name,
                   "a tensor is not contiguous, or on another device");
    check_contract(initial.sizes() == trained.sizes(), kernel.name, "a tensor has changed its shape");
    is_float32 = is_float32 && initial.scalar_type() == at::kFloat && trained.scalar_type() == at::kFloat;
  }
  at::Tensor changes = at::empty({static_cast<std::int64_t>(tensors.size()), kChangeColumns}, sums_beside(any));
  if (has_numbers(any)) {
    kernel.on(any.device(), {.by_cpu = is_float32, .by_cuda = is_float32})(tensors, changes);
  }
  return changes;
}

}  // namespace tunescope
