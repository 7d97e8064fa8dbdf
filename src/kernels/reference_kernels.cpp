#include "tunescope/kernels/reference_kernels.hpp"

#include <algorithm>
#include <atomic>

#include "backends/activation.hpp"
#include "backends/adamw.hpp"
#include "backends/attention.hpp"
#include "backends/dropout.hpp"
#include "backends/layer_norm.hpp"
#include "backends/matmul.hpp"
#include "backends/per_example_squares.hpp"

namespace tunescope {
namespace {

std::atomic<int> forcing_objects = 0;

}  // namespace

ReferenceKernels::ReferenceKernels() { ++forcing_objects; }
ReferenceKernels::~ReferenceKernels() { --forcing_objects; }
bool ReferenceKernels::are_forced() { return forcing_objects > 0; }

std::vector<KernelBackends> kernel_backends() {
  std::vector<KernelBackends> all;
  const auto add = [&all](const auto&... kernels) {
    (all.push_back({kernels.name, kernels.cpu != nullptr, kernels.cuda != nullptr}), ...);
  };
  add(adamw_step_kernel(), attention_kernel(), attention_backward_kernel(), apply_dropout_kernel(),
      bias_activation_kernel(), activation_backward_kernel(), residual_layer_norm_kernel(),
      residual_layer_norm_backward_kernel(), layer_norm_parameter_gradients_kernel(), embedding_layer_norm_kernel(),
      matmul_kernel(), add_squared_products_kernel(), add_squared_sums_kernel(), add_squared_scatters_kernel());
  std::ranges::sort(all, {}, &KernelBackends::name);
  return all;
}

}  // namespace tunescope
