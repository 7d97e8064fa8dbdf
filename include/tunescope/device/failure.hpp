#pragma once

#include <c10/core/Device.h>

#include <exception>
#include <functional>
#include <string>

namespace tunescope {

/// Whether an exception says that a computation did not fit into its device's memory: that of LibTorch's allocator, and
/// those of CUDA and cuBLAS, which also allocate on their own.
bool is_out_of_memory(const std::exception& error);

/// For a handler of an exception of a computation on `device`, before it takes the exception for a fault of what was
/// computed: throws `DeviceError` if the device itself is broken. All that is computed on a GPU after an illegal
/// address or an uncorrectable memory error fails, whatever it is. Lets a `DeviceError` that was thrown before through.
void throw_if_broken(c10::Device device, const std::exception& error);

/// What a device says of itself: its error, or nothing if it works.
using DeviceProbe = std::function<std::string(c10::Device device)>;

/// While such an object lives, `throw_if_broken` asks `probe` in the place of `lasting_error_of`, so that a GPU can be
/// broken where there is none.
class ReplacedDeviceProbe {
 public:
  explicit ReplacedDeviceProbe(DeviceProbe probe);
  ~ReplacedDeviceProbe();
  ReplacedDeviceProbe(const ReplacedDeviceProbe&) = delete;
  ReplacedDeviceProbe& operator=(const ReplacedDeviceProbe&) = delete;
};

}  // namespace tunescope
