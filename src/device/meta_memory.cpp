#include "tunescope/device/meta_memory.hpp"

#include <c10/core/Allocator.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <memory>

namespace tunescope {
namespace {

std::int64_t meta_bytes = 0;
std::int64_t most_meta_bytes = 0;

// In place of LibTorch's own allocator of this device, which also gives no memory, but does not count.
class CountingMetaAllocator final : public c10::Allocator {
 public:
  c10::DataPtr allocate(std::size_t bytes) override {
    auto size = std::make_unique<std::int64_t>(static_cast<std::int64_t>(bytes));
    meta_bytes += *size;
    most_meta_bytes = std::max(most_meta_bytes, meta_bytes);
    return {nullptr, size.release(), &release, c10::Device(c10::kMeta)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return nullptr; }
  void copy_data(void*, const void*, std::size_t) const override {}

 private:
  static void release(void* context) {
    const std::unique_ptr<std::int64_t> size(static_cast<std::int64_t*>(context));
    meta_bytes -= *size;
  }
};

}  // namespace

MetaMemory::MetaMemory() {
  static CountingMetaAllocator allocator;
  if (c10::GetAllocator(c10::kMeta) != &allocator) c10::SetAllocator(c10::kMeta, &allocator, 1);
  before_ = most_meta_bytes = meta_bytes;
}

std::int64_t MetaMemory::peak_bytes() const { return most_meta_bytes - before_; }

}  // namespace tunescope
