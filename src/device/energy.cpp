#include "tunescope/device/energy.hpp"

#include <fstream>
#include <limits>
#include <string>
#include <system_error>
#include <utility>

#include "device/kernel_file.hpp"

namespace tunescope {
namespace {

constexpr double kJoulesPerMicrojoule = 1e-6;
constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

// A zone of RAPL may also be a part of a package or the whole machine, and a package may have a second zone, whose name
// begins with intel-rapl-mmio.
bool is_package(const std::filesystem::path& zone) {
  std::string name;
  std::ifstream(zone / "name") >> name;
  return name.starts_with("package-") && zone.filename().string().starts_with("intel-rapl:");
}

std::optional<double> joules_in(const std::filesystem::path& file) {
  const std::optional<double> microjoules = number_in(file);
  return microjoules ? std::optional(kJoulesPerMicrojoule * *microjoules) : std::nullopt;
}

}  // namespace

std::vector<EnergyCounter> cpu_energy_counters(const std::filesystem::path& root) {
  std::vector<EnergyCounter> counters;
  std::error_code none;  // a machine without RAPL
  for (const auto& entry : std::filesystem::directory_iterator(root / "sys/class/powercap", none)) {
    const std::filesystem::path& zone = entry.path();
    if (!is_package(zone)) continue;
    counters.push_back({.read = [file = zone / "energy_uj"] { return joules_in(file); },
                        .range = joules_in(zone / "max_energy_range_uj").value_or(kUnknown)});
  }
  return counters;
}

std::vector<EnergyCounter> energy_counters(c10::Device device) {
  return device.is_cuda() ? gpu_energy_counters(device) : cpu_energy_counters();
}

EnergyMeter::EnergyMeter(std::vector<EnergyCounter> counters) {
  for (EnergyCounter& counter : counters) {
    const std::optional<double> now = counter.read();
    readings_.push_back({std::move(counter), now});
  }
  last_read_ = std::chrono::steady_clock::now();
}

void EnergyMeter::poll() {
  constexpr std::chrono::seconds kInterval{10};
  if (std::chrono::steady_clock::now() - last_read_ >= kInterval) read();
}

double EnergyMeter::joules() {
  read();
  return joules_;
}

void EnergyMeter::read() {
  if (readings_.empty()) joules_ = std::numeric_limits<double>::quiet_NaN();
  for (Reading& reading : readings_) {
    const std::optional<double> before = std::exchange(reading.last, reading.counter.read());
    if (!before || !reading.last) {
      joules_ = std::numeric_limits<double>::quiet_NaN();
      return;
    }
    const bool has_restarted = *reading.last < *before;
    joules_ += *reading.last - *before + (has_restarted ? reading.counter.range : 0.0);
  }
  last_read_ = std::chrono::steady_clock::now();
}

}  // namespace tunescope
