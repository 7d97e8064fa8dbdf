#pragma once

#include <c10/core/Device.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <vector>

namespace tunescope {

/// A counter of the energy that some hardware has used.
struct EnergyCounter {
  std::function<std::optional<double>()> read;  ///< joules since some moment; nothing if they cannot be read
  double range = 0.0;  ///< joules after which it starts again from zero; NaN if it never does, or that is not known
};

/// The counter of a GPU: of all of it, where it is divided by MIG. None if the driver's library, NVML, has none for it.
/// Source: https://docs.nvidia.com/deploy/nvml-api/group__nvmlDeviceQueries.html.
std::vector<EnergyCounter> gpu_energy_counters(c10::Device device);

/// The counters of the machine's CPU packages, from Linux's interface to RAPL, without memory that is not in them. None
/// if there are none. `root` replaces "/" in tests. Source: https://docs.kernel.org/power/powercap/powercap.html.
std::vector<EnergyCounter> cpu_energy_counters(const std::filesystem::path& root = "/");

/// The counters of a device. Those of the CPU are often readable by the administrator alone.
std::vector<EnergyCounter> energy_counters(c10::Device device);

/// Measures the energy that is used from its construction on.
class EnergyMeter {
 public:
  explicit EnergyMeter(std::vector<EnergyCounter> counters);

  /// Must be called every few minutes at least, because counters of CPUs start again from zero. Reads them at most
  /// every ten seconds.
  void poll();

  /// The joules used so far; NaN if there is no counter or one cannot be read.
  double joules();

 private:
  struct Reading {
    EnergyCounter counter;
    std::optional<double> last;
  };
  void read();

  std::vector<Reading> readings_;
  double joules_ = 0.0;
  std::chrono::steady_clock::time_point last_read_;
};

}  // namespace tunescope
