#include "tunescope/device/host_tensor.hpp"

#include <ATen/EmptyTensor.h>
#include <ATen/core/CachingHostAllocator.h>
#include <ATen/ops/empty.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <exception>

namespace tunescope {
namespace {

std::atomic<c10::DeleterFnPtr> release_by_libtorch = nullptr;

void release_without_throwing(void* block) noexcept {
  try {
    release_by_libtorch.load()(block);
  } catch (const std::exception& error) {
    spdlog::debug("pinned memory is left to the end of the process: {}", error.what());
  }
}

// LibTorch's allocator of pinned memory, which knows the copies of a block by its context and keeps it from others
// until they are done. For that its deleter asks the GPU, and throws if the GPU is broken. Only the deleter is another
// here.
class PinnedMemory final : public c10::Allocator {
 public:
  c10::DataPtr allocate(std::size_t bytes) override {
    c10::DataPtr block = at::getHostAllocator(at::kCUDA)->allocate(bytes);
    const c10::DeleterFnPtr deleter = block.get_deleter();
    release_by_libtorch = deleter;
    TORCH_INTERNAL_ASSERT(block.compare_exchange_deleter(deleter, release_without_throwing));
    return block;
  }
  void copy_data(void* target, const void* source, std::size_t bytes) const override {
    default_copy_data(target, source, bytes);
  }
};

}  // namespace

at::Tensor host_tensor(at::IntArrayRef sizes, at::ScalarType type, at::Device device) {
  if (!device.is_cuda()) return at::empty(sizes, type);
  static PinnedMemory pinned_memory;
  return at::detail::empty_generic(sizes, &pinned_memory, c10::DispatchKeySet(c10::DispatchKey::CPU), type,
                                   std::nullopt);
}

}  // namespace tunescope
