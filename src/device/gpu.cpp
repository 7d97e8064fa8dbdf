#include "tunescope/device/gpu.hpp"

#include <spdlog/fmt/fmt.h>

#include <fstream>
#include <sstream>

#include "tunescope/base/error.hpp"

namespace tunescope {

void require_tf32(std::string_view section, c10::Device device, const GpuDescription& gpu) {
  if (gpu.has_bfloat16_and_tf32()) return;
  const std::string found = device.is_cpu() ? "the CPU"
                                            : fmt::format("{}, {}, of {}.{}", device.str(), gpu.name,
                                                          gpu.compute_capability / 10, gpu.compute_capability % 10);
  throw DeviceError(
      fmt::format("[{}] precision = tf32 needs a GPU of compute capability 8.0 or higher, and this would "
                  "run on {}; use precision = float32",
                  section, found));
}

// The first line of the file is such as "NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.95.05  Wed Sep 24 ...".
std::string nvidia_driver_version(const std::filesystem::path& root) {
  std::string line;
  std::ifstream file(root / "proc/driver/nvidia/version");
  std::getline(file, line);
  std::istringstream words(line);
  for (std::string word; words >> word;) {
    const bool has_only_numbers = word.find_first_not_of("0123456789.") == std::string::npos;
    if (has_only_numbers && word.find('.') != std::string::npos) return word;
  }
  return "unknown";
}

}  // namespace tunescope
