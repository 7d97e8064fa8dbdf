#pragma once

#include <c10/core/Device.h>

#include <filesystem>
#include <string>
#include <string_view>

namespace tunescope {

/// A GPU and the software that drives it. Numbers of GPUs are comparable only with these. Nothing for the CPU.
struct GpuDescription {
  std::string name = {};       ///< "NVIDIA H200"
  std::string software = {};   ///< "driver 580.95.05, CUDA 13.0, cuBLAS 13.1.0"
  int compute_capability = 0;  ///< 90 for 9.0

  /// Whether it multiplies in bfloat16 and in TF32: from compute capability 8.0 on.
  bool has_bfloat16_and_tf32() const { return compute_capability >= 80; }
};
GpuDescription describe_gpu(c10::Device device);

/// Throws `DeviceError` unless `gpu`, the description of `device`, multiplies in TF32. `section` of the job asks for
/// it.
void require_tf32(std::string_view section, c10::Device device, const GpuDescription& gpu);

/// The version of the loaded NVIDIA driver, such as "580.95.05"; "unknown" if the kernel does not tell it. `root`
/// replaces "/" in tests.
std::string nvidia_driver_version(const std::filesystem::path& root = "/");

/// Waits until a GPU has done all that it was asked, and returns its error if there is one: it stays, so every later
/// call would fail too. Empty if it works, and for the CPU. An error that does not stay, such as that of an allocation
/// which did not fit, is forgotten.
std::string lasting_error_of(c10::Device device);

}  // namespace tunescope
