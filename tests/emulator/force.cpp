#include <c10/core/CPUAllocator.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <new>

#include "emulator.hpp"
#include "tunescope/kernels/forced_kernels.hpp"

namespace tunescope {
namespace {

// In the programs that this file is linked into, tensors on the CPU go through the kernels for GPUs.
const ForcedKernels emulated(KernelBackend::kCuda);

// Kernels may not touch what lies beside a tensor. Its own numbers start as NaN.
class BoundedAllocator : public at::Allocator {
 public:
  at::DataPtr allocate(std::size_t bytes) override {
    const std::size_t inner = (bytes + kAlignment - 1) / kAlignment * kAlignment;
    auto* const memory = static_cast<std::byte*>(std::aligned_alloc(kAlignment, inner + 2 * kMargin));
    if (memory == nullptr) throw std::bad_alloc();
    std::memset(memory, 0xFF, inner + 2 * kMargin);
    std::memcpy(memory, &inner, sizeof inner);
    emulator::permit(memory + kMargin, bytes);
    emulator::forbid(memory, kMargin);
    emulator::forbid(memory + kMargin + bytes, inner - bytes + kMargin);
    return {memory + kMargin, memory + kMargin, &release, at::kCPU};
  }
  at::DeleterFnPtr raw_deleter() const override { return &release; }
  void copy_data(void* to, const void* from, std::size_t bytes) const override { std::memcpy(to, from, bytes); }

 private:
  static constexpr std::size_t kAlignment = 64;
  static constexpr std::size_t kMargin = 1024;

  // Others may get this memory next.
  static void release(void* first) {
    std::byte* const memory = static_cast<std::byte*>(first) - kMargin;
    std::size_t inner = 0;
    std::memcpy(&inner, memory, sizeof inner);
    emulator::permit(memory, inner + 2 * kMargin);
    std::free(memory);
  }
};

[[maybe_unused]] const bool is_bounded = [] {
  static auto* const allocator = new BoundedAllocator;
  c10::SetCPUAllocator(allocator, 1);
  return true;
}();

}  // namespace
}  // namespace tunescope
