#include "tunescope/kernels/training/adamw.hpp"

#include <algorithm>
#include <array>

#include "../backends/training/adamw.hpp"

namespace tunescope {
namespace {

void check_update(const AdamWUpdate& update, std::string_view kernel) {
  const auto& [values, gradients, first_moments, second_moments, decayed_count, rounded] = update.buffers;
  check_contract(values.dim() == 1 && gradients.sizes() == values.sizes() && first_moments.sizes() == values.sizes() &&
                     second_moments.sizes() == values.sizes(),
                 kernel, "values, gradients and moments are not flat or not of one length");
  check_contract(values.is_contiguous() && gradients.is_contiguous() && first_moments.is_contiguous() &&
                     second_moments.is_contiguous(),
                 kernel, "values, gradients or moments are not contiguous");
  check_contract(0 <= decayed_count && decayed_count <= values.numel(), kernel,
                 "more numbers are to be decayed than there are");
  check_contract(!rounded.defined() || (rounded.numel() == decayed_count && rounded.scalar_type() == at::kBFloat16 &&
                                        rounded.is_contiguous()),
                 kernel, "the rounded values are not in bfloat16, or not as many as the decayed ones");
  for (const at::Tensor* number : {&update.loss, &update.norm}) {
    check_contract(number->defined() && number->numel() == 1 && number->scalar_type() == at::kDouble, kernel,
                   "loss or norm is not one number in float64");
  }
  check_contract(update.diverged.defined() && update.diverged.numel() == 1 && update.diverged.scalar_type() == at::kInt,
                 kernel, "what tells divergence is not one number in int32");
}

bool is_in_float32(const AdamWUpdate& update) {
  const AdamWBuffers& buffers = update.buffers;
  return std::ranges::all_of(
      std::array{&buffers.values, &buffers.gradients, &buffers.first_moments, &buffers.second_moments},
      [](const at::Tensor* tensor) { return tensor->scalar_type() == at::kFloat; });
}

}  // namespace

const Kernel<AdamWSteps>& adamw_step_kernel() {
  static const Kernel<AdamWSteps> kernel{"adamw_step", aten::adamw_step_, nullptr, cuda::adamw_step_};
  return kernel;
}

void adamw_step_(std::span<const AdamWUpdate> updates) {
  if (updates.empty()) return;
  const Kernel<AdamWSteps>& kernel = adamw_step_kernel();
  for (const AdamWUpdate& update : updates) check_update(update, kernel.name);
  const at::Tensor& any = updates.front().buffers.values;
  if (!has_numbers(any)) return;
  kernel.on(any.device(), {.by_cuda = std::ranges::all_of(updates, is_in_float32)})(updates);
}

}  // namespace tunescope
