#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace tunescope {

/// Steps in which each example is taken once; the last batch may be smaller.
constexpr std::int64_t steps_per_epoch(std::int64_t examples, std::int64_t batch_size) {
  return (examples + batch_size - 1) / batch_size;
}

/// The examples of each step: each epoch takes all of them once, in a random order of its own.
class BatchOrder {
 public:
  BatchOrder(std::int64_t examples, std::int64_t batch_size, std::uint64_t seed)
      : examples_(examples), batch_size_(batch_size), seed_(seed) {}

  /// Valid until the next call.
  std::span<const std::int64_t> at_step(std::int64_t step);

 private:
  std::int64_t examples_;
  std::int64_t batch_size_;
  std::uint64_t seed_;
  std::int64_t epoch_ = -1;
  std::vector<std::int64_t> order_;
};

}  // namespace tunescope
