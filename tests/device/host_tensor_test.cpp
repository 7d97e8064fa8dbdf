#include "tunescope/device/host_tensor.hpp"

#include <ATen/core/CachingHostAllocator.h>
#include <c10/util/Exception.h>
#include <gtest/gtest.h>

#include <cstdlib>

namespace tunescope {
namespace {

int released = 0;

void release_with_the_error_of_a_broken_gpu(void* block) {
  std::free(block);
  ++released;
  throw c10::AcceleratorError({__func__, __FILE__, __LINE__}, 719, "CUDA error: unspecified launch failure");
}

// In the place of LibTorch's, which needs a GPU.
class PinnedMemoryOfABrokenGpu final : public at::HostAllocator {
 public:
  PinnedMemoryOfABrokenGpu() : real_(at::getHostAllocator(at::kCUDA)) { at::setHostAllocator(at::kCUDA, this, 10); }
  ~PinnedMemoryOfABrokenGpu() override { at::setHostAllocator(at::kCUDA, real_, 10); }
  c10::DataPtr allocate(std::size_t bytes) override {
    void* const block = std::malloc(bytes);
    return {block, block, release_with_the_error_of_a_broken_gpu, at::kCPU};
  }
  void copy_data(void* target, const void* source, std::size_t bytes) const override {
    default_copy_data(target, source, bytes);
  }
  bool record_event(void*, void*, c10::Stream) override { return true; }
  void empty_cache() override {}
  at::HostStats get_stats() override { return {}; }
  void reset_accumulated_stats() override {}
  void reset_peak_stats() override {}

 private:
  at::HostAllocator* real_;
};

TEST(HostTensor, IsReleasedWithoutAnErrorWhenItsGpuIsBroken) {
  const PinnedMemoryOfABrokenGpu pinned_memory;
  at::Tensor numbers = host_tensor({2, 3}, at::kLong, {at::kCUDA, 0});
  EXPECT_EQ(numbers.sizes(), at::IntArrayRef({2, 3}));
  EXPECT_TRUE(numbers.is_cpu());
  numbers.fill_(7);
  EXPECT_EQ(numbers.sum().item<std::int64_t>(), 42);
  numbers.reset();
  EXPECT_EQ(released, 1);
}

}  // namespace
}  // namespace tunescope
