#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <new>

#include "emulator.hpp"

namespace tunescope::emulator {

/// Memory for tests that ends where a page ends after which there is none: what device code reads or writes beyond it
/// ends the program, or is an `EmulatorError` where the hooks see it first. So are the bytes in front of it.
class GuardedMemory {
 public:
  explicit GuardedMemory(std::size_t bytes) : bytes_(bytes) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    const std::size_t aligned = (bytes + kAlignment - 1) / kAlignment * kAlignment;
    const std::size_t inner = (aligned + page - 1) / page * page;
    mapped_bytes_ = inner + 2 * page;
    void* const mapped = mmap(nullptr, mapped_bytes_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) throw std::bad_alloc();
    mapped_ = static_cast<std::byte*>(mapped);
    mprotect(mapped_ + page, inner, PROT_READ | PROT_WRITE);
    data_ = mapped_ + page + inner - aligned;
    forbid(mapped_, mapped_bytes_);
    permit(data_, bytes_);
  }
  ~GuardedMemory() {
    permit(mapped_, mapped_bytes_);
    munmap(mapped_, mapped_bytes_);
  }
  GuardedMemory(const GuardedMemory&) = delete;
  GuardedMemory& operator=(const GuardedMemory&) = delete;

  void* data() const { return data_; }

 private:
  static constexpr std::size_t kAlignment = 16;

  std::size_t bytes_;
  std::size_t mapped_bytes_ = 0;
  std::byte* mapped_ = nullptr;
  std::byte* data_ = nullptr;
};

}  // namespace tunescope::emulator
