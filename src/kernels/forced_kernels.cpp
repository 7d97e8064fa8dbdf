#include "tunescope/kernels/forced_kernels.hpp"

#include <algorithm>
#include <atomic>

#include "backends/activation.hpp"
#include "backends/attention.hpp"
#include "backends/attention/disentangled.hpp"
#include "backends/dropout.hpp"
#include "backends/embedding_gradient.hpp"
#include "backends/grouped_product.hpp"
#include "backends/layer_norm.hpp"
#include "backends/linear.hpp"
#include "backends/matmul.hpp"
#include "backends/per_example_squares.hpp"
#include "backends/training/adamw.hpp"
#include "backends/training/batch_losses.hpp"
#include "backends/training/segmented_sums.hpp"

namespace tunescope {
namespace {

constexpr int kOwn = -1;
std::atomic<int> forced_backend = kOwn;

}  // namespace

ForcedKernels::ForcedKernels(KernelBackend backend) : before_(forced_backend.exchange(static_cast<int>(backend))) {}
ForcedKernels::~ForcedKernels() { forced_backend = before_; }

std::optional<KernelBackend> ForcedKernels::backend() {
  const int backend = forced_backend;
  return backend == kOwn ? std::nullopt : std::optional(static_cast<KernelBackend>(backend));
}

bool takes_gpu_kernels(at::Device device) {
  const std::optional<KernelBackend> forced = ForcedKernels::backend();
  return forced ? *forced == KernelBackend::kCuda : device.is_cuda();
}

std::vector<KernelBackends> kernel_backends() {
  std::vector<KernelBackends> all;
  const auto add = [&all](const auto&... kernels) {
    (all.push_back({kernels.name, kernels.cpu != nullptr, kernels.cuda != nullptr}), ...);
  };
  add(adamw_step_kernel(), attention_kernel(), attention_backward_kernel(), apply_dropout_kernel(),
      bias_activation_kernel(), activation_backward_kernel(), residual_layer_norm_kernel(),
      residual_layer_norm_backward_kernel(), layer_norm_parameter_gradients_kernel(), embedding_layer_norm_kernel(),
      matmul_kernel(), add_squared_products_kernel(), add_squared_layer_norm_kernel(), add_squared_scatters_kernel());
  add(fill_with_bias_kernel(), multiply_rows_kernel(), vector_gradients_kernel(), head_logits_kernel(),
      head_input_gradient_kernel(), head_parameter_gradients_kernel(), embedding_gradients_kernel(),
      batch_losses_kernel(), gradient_norms_kernel(), parameter_changes_kernel(), disentangled_attention_kernel(),
      disentangled_attention_backward_kernel(), grouped_product_kernel());
  std::ranges::sort(all, {}, &KernelBackends::name);
  return all;
}

}  // namespace tunescope
