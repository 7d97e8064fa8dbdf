#pragma once

#include <c10/core/CPUAllocator.h>
#include <c10/util/Exception.h>

#include <cstddef>
#include <functional>
#include <utility>

namespace tunescope::test {

/// As LibTorch's allocators refuse memory.
inline void refuse_as_libtorch(std::size_t bytes) {
  TORCH_CHECK_WITH(OutOfMemoryError, false, "no block of ", bytes, " bytes");
}

/// As CUDA refuses memory outside LibTorch's allocator: its error 2.
inline void refuse_as_cuda(std::size_t) {
  throw c10::AcceleratorError({__func__, __FILE__, __LINE__}, 2, "CUDA error: out of memory");
}

/// The CPU allocator with a limit on single blocks, or one that refuses blocks of certain sizes, as if the device were
/// full.
class LimitedAllocator final : public c10::Allocator {
 public:
  explicit LimitedAllocator(std::size_t limit, void (*refuse)(std::size_t bytes) = refuse_as_libtorch)
      : LimitedAllocator([limit](std::size_t bytes) { return bytes > limit; }, refuse) {}
  explicit LimitedAllocator(std::function<bool(std::size_t bytes)> is_refused,
                            void (*refuse)(std::size_t bytes) = refuse_as_libtorch)
      : is_refused_(std::move(is_refused)), refuse_(refuse), real_(c10::GetCPUAllocator()) {
    c10::SetCPUAllocator(this, 10);
  }
  ~LimitedAllocator() override { c10::SetCPUAllocator(real_, 10); }
  c10::DataPtr allocate(std::size_t bytes) override {
    if (is_refused_(bytes)) refuse_(bytes);
    return real_->allocate(bytes);
  }
  c10::DeleterFnPtr raw_deleter() const override { return real_->raw_deleter(); }
  void copy_data(void* target, const void* source, std::size_t bytes) const override {
    real_->copy_data(target, source, bytes);
  }

 private:
  std::function<bool(std::size_t bytes)> is_refused_;
  void (*refuse_)(std::size_t bytes);
  c10::Allocator* real_;
};

}  // namespace tunescope::test
