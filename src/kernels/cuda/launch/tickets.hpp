#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cstdint>
#include <map>

namespace tunescope::cuda {

/// `count` zeros on a device for kernels whose blocks count themselves as they end: the last one adds up what the
/// others have left, and sets its ticket to zero again for the next kernel. Kernels of one stream take turns, so they
/// share the tickets. Each thread of the host has its own: no thread may use two streams of a device at once, and none
/// does, for every kernel goes to LibTorch's current stream, which nothing here changes.
inline unsigned* tickets(at::Device device, std::int64_t count) {
  thread_local std::map<at::DeviceIndex, at::Tensor> by_device;
  at::Tensor& all = by_device[device.index()];
  if (!all.defined() || all.numel() < count) {
    constexpr std::int64_t kAtLeast = 16384;
    all = at::zeros({std::max(count, kAtLeast)}, at::TensorOptions(at::kInt).device(device));
  }
  return static_cast<unsigned*>(all.mutable_data_ptr());
}

}  // namespace tunescope::cuda
