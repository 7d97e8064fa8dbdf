#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <stdexcept>

struct dim3 {
  unsigned x = 1, y = 1, z = 1;
  constexpr dim3() = default;
  constexpr dim3(unsigned x, unsigned y = 1, unsigned z = 1)
      : x(x), y(y), z(z) {}  // NOLINT(google-explicit-constructor)
};

namespace tunescope::emulator {

/// What device code did that CUDA does not define. The message names the line of the device code and the thread.
class EmulatorError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

struct Shape {
  dim3 grid;
  dim3 block;
  std::size_t shared_bytes = 0;
  const void* kernel = nullptr;  ///< to be named in errors
};

/// Runs `kernel` once for each thread of each block. Throws `EmulatorError`.
void run(const Shape& shape, const std::function<void()>& kernel);

/// Number of launches so far.
std::int64_t launches();
/// The order of threads and blocks from now on.
void set_seed(std::uint64_t seed);

/// From now on device code may not touch these bytes of global memory, or may again. Seen where the device code was
/// compiled with the hooks of `engine/hooks.cpp`.
void forbid(const void* first, std::size_t bytes);
void permit(const void* first, std::size_t bytes);

}  // namespace tunescope::emulator
