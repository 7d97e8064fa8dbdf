#pragma once

#include <benchmark/benchmark.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <c10/core/impl/VirtualGuardImpl.h>

namespace tunescope {

/// Waits until the device has done all its work.
inline void synchronize(at::Device device) {
  if (!device.is_cpu()) c10::impl::VirtualGuardImpl(device.type()).synchronizeDevice(device.index());
}

/// Runs `work` in the loop of a benchmark. The device is idle whenever the clock is read.
template <typename Work>
void measure(benchmark::State& state, at::Device device, Work work) {
  synchronize(device);
  for (auto _ : state) {
    work();
    synchronize(device);
  }
}

/// On a GPU, what the allocator took during a benchmark, as counters of it.
class MemoryCounters {
 public:
  MemoryCounters(benchmark::State& state, at::Device device) : state_(state), device_(device) {
    if (device.is_cpu()) return;
    at::getDeviceAllocator(device.type())->resetPeakStats(device.index());
    retries_before_ = statistics().num_alloc_retries;
  }
  MemoryCounters(const MemoryCounters&) = delete;
  MemoryCounters& operator=(const MemoryCounters&) = delete;
  ~MemoryCounters() {
    if (device_.is_cpu()) return;
    constexpr auto kAll = static_cast<std::size_t>(c10::CachingAllocator::StatType::AGGREGATE);
    const auto now = statistics();
    state_.counters["peak_allocated"] = static_cast<double>(now.allocated_bytes[kAll].peak);
    state_.counters["peak_reserved"] = static_cast<double>(now.reserved_bytes[kAll].peak);
    state_.counters["allocation_retries"] = static_cast<double>(now.num_alloc_retries - retries_before_);
  }

 private:
  c10::CachingDeviceAllocator::DeviceStats statistics() const {
    return at::getDeviceAllocator(device_.type())->getDeviceStats(device_.index());
  }

  benchmark::State& state_;
  at::Device device_;
  std::int64_t retries_before_ = 0;
};

}  // namespace tunescope
