#pragma once

#include <c10/core/CPUAllocator.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <memory>

namespace tunescope::test {

/// The CPU allocator, which counts the bytes in use since it was made. Blocks that it gave may outlive it.
class CountingAllocator final : public c10::Allocator {
 public:
  CountingAllocator() : real_(c10::GetCPUAllocator()) { c10::SetCPUAllocator(this, 10); }
  ~CountingAllocator() override { c10::SetCPUAllocator(real_, 10); }

  c10::DataPtr allocate(std::size_t bytes) override {
    auto block = std::make_unique<Block>(counts_, bytes, real_->allocate(bytes));
    void* const data = block->memory.get();
    return {data, block.release(), &release, c10::Device(c10::kCPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return nullptr; }
  void copy_data(void* target, const void* source, std::size_t bytes) const override {
    real_->copy_data(target, source, bytes);
  }

  std::size_t peak_bytes() const { return counts_->peak; }

 private:
  struct Counts {
    std::atomic<std::size_t> now = 0;
    std::atomic<std::size_t> peak = 0;
  };
  struct Block {
    Block(std::shared_ptr<Counts> to, std::size_t bytes, c10::DataPtr from)
        : counts(std::move(to)), size(bytes), memory(std::move(from)) {
      counts->now += size;
      counts->peak = std::max<std::size_t>(counts->peak, counts->now);
    }
    ~Block() { counts->now -= size; }

    std::shared_ptr<Counts> counts;
    std::size_t size;
    c10::DataPtr memory;
  };
  static void release(void* block) { std::unique_ptr<Block>(static_cast<Block*>(block)).reset(); }

  std::shared_ptr<Counts> counts_ = std::make_shared<Counts>();
  c10::Allocator* real_;
};

}  // namespace tunescope::test
