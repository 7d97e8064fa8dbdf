#include "tunescope/train/batch_order.hpp"

#include <algorithm>

#include "tunescope/random/stream.hpp"

namespace tunescope {

std::span<const std::int64_t> BatchOrder::at_step(std::int64_t step) {
  const std::int64_t steps = steps_per_epoch(examples_, batch_size_);
  if (const std::int64_t epoch = step / steps; epoch != epoch_) {
    order_ = random_permutation(examples_, random_key(seed_, RandomUse::kOrder, static_cast<std::uint64_t>(epoch)));
    epoch_ = epoch;
  }
  const std::int64_t first = step % steps * batch_size_;
  return std::span(order_).subspan(static_cast<std::size_t>(first),
                                   static_cast<std::size_t>(std::min(batch_size_, examples_ - first)));
}

}  // namespace tunescope
