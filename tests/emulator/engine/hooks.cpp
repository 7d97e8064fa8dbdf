// Device code is compiled with -fsanitize=thread and linked without ThreadSanitizer: GCC then calls these functions
// before each access to memory, and the emulator learns of it. (The Linux kernel's race detector KCSAN does likewise.)

#include <cstddef>
#include <cstdint>

#include "memory.hpp"

// This file itself is compiled without that option. The names are the compiler's.
// NOLINTBEGIN(bugprone-reserved-identifier)
using tunescope::emulator::memory::Access;

namespace {

void look(const void* address, std::size_t bytes, Access kind, bool is_aligned, const void* code) {
  if (tunescope::emulator::memory::running() == nullptr) return;
  if (is_aligned && reinterpret_cast<std::uintptr_t>(address) % bytes != 0) {
    tunescope::emulator::memory::fail(
        code, "an access to " + std::to_string(bytes) + " bytes at an address that is not a multiple of that");
  }
  tunescope::emulator::memory::access(address, bytes, kind, code);
}

}  // namespace

extern "C" {

void __tsan_init() {}
void __tsan_vptr_update(void** /*object*/, void* /*table*/) {}
void __tsan_vptr_read(void** /*object*/) {}

#define HOOKS(bytes)                                                                                                   \
  void __tsan_read##bytes(void* address) { look(address, bytes, Access::kRead, true, __builtin_return_address(0)); }   \
  void __tsan_write##bytes(void* address) { look(address, bytes, Access::kWrite, true, __builtin_return_address(0)); } \
  void __tsan_unaligned_read##bytes(void* address) {                                                                   \
    look(address, bytes, Access::kRead, false, __builtin_return_address(0));                                           \
  }                                                                                                                    \
  void __tsan_unaligned_write##bytes(void* address) {                                                                  \
    look(address, bytes, Access::kWrite, false, __builtin_return_address(0));                                          \
  }
HOOKS(1)
HOOKS(2)
HOOKS(4)
HOOKS(8)
HOOKS(16)

void __tsan_read_range(void* address, std::size_t bytes) {
  look(address, bytes, Access::kRead, false, __builtin_return_address(0));
}
void __tsan_write_range(void* address, std::size_t bytes) {
  look(address, bytes, Access::kWrite, false, __builtin_return_address(0));
}

// Atomic operations too are called, not compiled. Those of device code have told of themselves (`before_atomic`).
#define ATOMIC_HOOKS(bits)                                                                                             \
  std::uint##bits##_t __tsan_atomic##bits##_load(const volatile std::uint##bits##_t* address, int) {                   \
    return __atomic_load_n(address, __ATOMIC_SEQ_CST);                                                                 \
  }                                                                                                                    \
  void __tsan_atomic##bits##_store(volatile std::uint##bits##_t* address, std::uint##bits##_t value, int) {            \
    __atomic_store_n(address, value, __ATOMIC_SEQ_CST);                                                                \
  }                                                                                                                    \
  std::uint##bits##_t __tsan_atomic##bits##_exchange(volatile std::uint##bits##_t* address, std::uint##bits##_t value, \
                                                     int) {                                                            \
    return __atomic_exchange_n(address, value, __ATOMIC_SEQ_CST);                                                      \
  }                                                                                                                    \
  std::uint##bits##_t __tsan_atomic##bits##_fetch_add(volatile std::uint##bits##_t* address,                           \
                                                      std::uint##bits##_t value, int) {                                \
    return __atomic_fetch_add(address, value, __ATOMIC_SEQ_CST);                                                       \
  }                                                                                                                    \
  std::uint##bits##_t __tsan_atomic##bits##_fetch_sub(volatile std::uint##bits##_t* address,                           \
                                                      std::uint##bits##_t value, int) {                                \
    return __atomic_fetch_sub(address, value, __ATOMIC_SEQ_CST);                                                       \
  }                                                                                                                    \
  std::uint##bits##_t __tsan_atomic##bits##_fetch_and(volatile std::uint##bits##_t* address,                           \
                                                      std::uint##bits##_t value, int) {                                \
    return __atomic_fetch_and(address, value, __ATOMIC_SEQ_CST);                                                       \
  }                                                                                                                    \
  std::uint##bits##_t __tsan_atomic##bits##_fetch_or(volatile std::uint##bits##_t* address, std::uint##bits##_t value, \
                                                     int) {                                                            \
    return __atomic_fetch_or(address, value, __ATOMIC_SEQ_CST);                                                        \
  }                                                                                                                    \
  std::uint##bits##_t __tsan_atomic##bits##_fetch_xor(volatile std::uint##bits##_t* address,                           \
                                                      std::uint##bits##_t value, int) {                                \
    return __atomic_fetch_xor(address, value, __ATOMIC_SEQ_CST);                                                       \
  }                                                                                                                    \
  bool __tsan_atomic##bits##_compare_exchange_strong(                                                                  \
      volatile std::uint##bits##_t* address, std::uint##bits##_t* expected, std::uint##bits##_t value, int, int) {     \
    return __atomic_compare_exchange_n(address, expected, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);           \
  }                                                                                                                    \
  bool __tsan_atomic##bits##_compare_exchange_weak(                                                                    \
      volatile std::uint##bits##_t* address, std::uint##bits##_t* expected, std::uint##bits##_t value, int, int) {     \
    return __atomic_compare_exchange_n(address, expected, value, true, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);            \
  }
ATOMIC_HOOKS(8)
ATOMIC_HOOKS(16)
ATOMIC_HOOKS(32)
ATOMIC_HOOKS(64)

void __tsan_atomic_thread_fence(int) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }

}  // extern "C"
// NOLINTEND(bugprone-reserved-identifier)
