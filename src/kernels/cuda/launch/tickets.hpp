#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cstdint>
#include <map>

namespace tunescope::cuda {

/// `count` zeros on a device for kernels whose blocks count themselves as they end: the last one adds up what the
/// others have left, and sets its ticket to zero again for the next kernel. Kernels of one stream take turns, so they
/// share the tickets; each thread of the host has its own.
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
