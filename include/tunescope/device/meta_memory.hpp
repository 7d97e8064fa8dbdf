#pragma once

#include <cstdint>

namespace tunescope {

/// Counts the bytes that tensors on LibTorch's meta device would take, from the time it is made. Such tensors have
/// shapes and no numbers, so this tells what a computation needs without doing it. One at a time, on one thread.
class MetaMemory {
 public:
  MetaMemory();

  /// The most that tensors took at a time, above what they took in the beginning.
  std::int64_t peak_bytes() const;

 private:
  std::int64_t before_;
};

}  // namespace tunescope
