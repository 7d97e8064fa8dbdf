#include "tunescope/device/host_read.hpp"

#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include <array>
#include <atomic>

namespace tunescope {
namespace {

std::array<std::atomic<std::int64_t>, 3> reads_so_far = {};

}  // namespace

at::Tensor read_tensor(HostRead reason, const at::Tensor& tensor) {
  ++reads_so_far[static_cast<std::size_t>(reason)];
  if (tensor.is_meta()) return at::zeros(tensor.sizes(), tensor.options().device(at::kCPU));
  return tensor.cpu().contiguous();
}

std::vector<double> read_numbers(HostRead reason, const std::vector<at::Tensor>& numbers) {
  std::vector<at::Tensor> wide;
  for (const at::Tensor& number : numbers) wide.push_back(number.to(at::kDouble));
  const at::Tensor on_host = read_tensor(reason, at::stack(wide));
  const double* const values = on_host.const_data_ptr<double>();
  return {values, values + on_host.numel()};
}

std::int64_t host_reads(HostRead reason) { return reads_so_far[static_cast<std::size_t>(reason)]; }

}  // namespace tunescope
