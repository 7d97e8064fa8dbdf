#pragma once

#include <c10/core/CPUAllocator.h>
#include <c10/util/Exception.h>

#include <cstddef>

namespace tunescope::test {

/// As LibTorch's allocators refuse memory.
inline void refuse_as_libtorch(std::size_t limit) {
  TORCH_CHECK_WITH(OutOfMemoryError, false, "limit of ", limit, " bytes");
}

/// As CUDA refuses memory outside LibTorch's allocator: its error 2.
inline void refuse_as_cuda(std::size_t) {
  throw c10::AcceleratorError({__func__, __FILE__, __LINE__}, 2, "CUDA error: out of memory");
}

/// The CPU allocator with a limit on single blocks, as if the device were full.
class LimitedAllocator final : public c10::Allocator {
 public:
  explicit LimitedAllocator(std::size_t limit, void (*refuse)(std::size_t limit) = refuse_as_libtorch)
      : limit_(limit), refuse_(refuse), real_(c10::GetCPUAllocator()) {
    c10::SetCPUAllocator(this, 10);
  }
  ~LimitedAllocator() override { c10::SetCPUAllocator(real_, 10); }
  c10::DataPtr allocate(std::size_t bytes) override {
    if (bytes > limit_) refuse_(limit_);
    return real_->allocate(bytes);
  }
  c10::DeleterFnPtr raw_deleter() const override { return real_->raw_deleter(); }
  void copy_data(void* target, const void* source, std::size_t bytes) const override {
    real_->copy_data(target, source, bytes);
  }

 private:
  std::size_t limit_;
  void (*refuse_)(std::size_t limit);
  c10::Allocator* real_;
};

}  // namespace tunescope::test
