#include "tunescope/device/failure.hpp"

#include <c10/util/Exception.h>
#include <spdlog/fmt/fmt.h>

#include <string_view>
#include <utility>

#include "tunescope/base/error.hpp"
#include "tunescope/base/hostname.hpp"
#include "tunescope/device/gpu.hpp"

namespace tunescope {
namespace {

DeviceProbe& device_probe() {
  static DeviceProbe probe = lasting_error_of;
  return probe;
}

// CUDA's errors bring lines of advice on debugging with them.
std::string_view first_line(std::string_view text) { return text.substr(0, text.find('\n')); }

}  // namespace

bool is_out_of_memory(const std::exception& error) {
  constexpr int kCudaErrorMemoryAllocation = 2;
  if (dynamic_cast<const c10::OutOfMemoryError*>(&error) != nullptr) return true;
  if (const auto* of_device = dynamic_cast<const c10::AcceleratorError*>(&error)) {
    return of_device->get_error_code() == kCudaErrorMemoryAllocation;
  }
  // LibTorch's check of cuBLAS throws its most general type.
  return dynamic_cast<const c10::Error*>(&error) != nullptr &&
         std::string_view(error.what()).find("CUBLAS_STATUS_ALLOC_FAILED") != std::string_view::npos;
}

void throw_if_broken(c10::Device device, const std::exception& error) {
  if (dynamic_cast<const DeviceError*>(&error) != nullptr) throw;
  const std::string problem = device_probe()(device);
  if (problem.empty()) return;
  throw DeviceError(fmt::format("{} of {} does not work any more: {}; first seen in: {}", device.str(), hostname(),
                                problem, first_line(error.what())));
}

ReplacedDeviceProbe::ReplacedDeviceProbe(DeviceProbe probe) { device_probe() = std::move(probe); }
ReplacedDeviceProbe::~ReplacedDeviceProbe() { device_probe() = lasting_error_of; }

}  // namespace tunescope
