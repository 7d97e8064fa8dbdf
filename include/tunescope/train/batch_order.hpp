#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace tunescope {

/// Number of steps in which each example is taken once. The last batch may be smaller.
constexpr std::int64_t steps_per_epoch(std::int64_t examples, std::int64_t batch_size) {
  return (examples + batch_size - 1) / batch_size;
}

/// The examples of each step. Every epoch visits all examples once, in a new random order. The order is a function of
/// the seed and the epoch alone, so a resumed run, which asks for the steps from the middle on, sees the same batches
/// as an uninterrupted one, and nothing about the order needs to be in a checkpoint.
class BatchOrder {
 public:
  BatchOrder(std::int64_t examples, std::int64_t batch_size, std::uint64_t seed)
      : examples_(examples), batch_size_(batch_size), seed_(seed) {}

  /// Indices of the examples of a step, counted from 0. Valid until the next call.
  std::span<const std::int64_t> at_step(std::int64_t step);

 private:
  std::int64_t examples_;
  std::int64_t batch_size_;
  std::uint64_t seed_;
  std::int64_t epoch_ = -1;
  std::vector<std::int64_t> order_;
};

}  // namespace tunescope
