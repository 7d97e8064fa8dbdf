#include "tunescope/device/host_read.hpp"

#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <array>
#include <atomic>

#include "tunescope/device/host_tensor.hpp"

namespace tunescope {
namespace {

std::array<std::atomic<std::int64_t>, 3> reads_so_far = {};

}  // namespace

at::Tensor read_tensor(HostRead reason, const at::Tensor& tensor) {
  ++reads_so_far[static_cast<std::size_t>(reason)];
  if (tensor.is_meta()) return at::zeros(tensor.sizes(), tensor.options().device(at::kCPU));
  return tensor.cpu().contiguous();
}

PendingNumbers::PendingNumbers(HostRead reason, const std::vector<at::Tensor>& numbers) {
  std::vector<at::Tensor> wide;
  for (const at::Tensor& number : numbers) wide.push_back(number.to(at::kDouble));
  const at::Tensor on_device = at::stack(wide);
  if (!on_device.is_cuda()) {
    on_host_ = read_tensor(reason, on_device);
    return;
  }
  ++reads_so_far[static_cast<std::size_t>(reason)];
  on_host_ = host_tensor(on_device.sizes(), at::kDouble, on_device.device());
  on_host_.copy_(on_device, /*non_blocking=*/true);
  arrived_.emplace(on_device.device().type());
  arrived_->record(c10::impl::VirtualGuardImpl(on_device.device().type()).getStream(on_device.device()));
}

std::span<const double> PendingNumbers::wait() const {
  if (arrived_) arrived_->synchronize();
  return {on_host_.const_data_ptr<double>(), static_cast<std::size_t>(on_host_.numel())};
}

std::int64_t host_reads(HostRead reason) { return reads_so_far[static_cast<std::size_t>(reason)]; }

}  // namespace tunescope
