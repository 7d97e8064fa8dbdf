#include "tunescope/random/stream.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "tunescope/random/philox.hpp"

namespace tunescope {

std::uint64_t random_key(std::uint64_t seed, RandomUse use, std::uint64_t number) {
  const RandomBlock block = philox(seed, static_cast<std::uint64_t>(use), number);
  return (std::uint64_t{block[1]} << 32U) | block[0];
}

std::uint64_t RandomStream::next() {
  const RandomBlock block = philox(key_, 0, counter_++);
  return (std::uint64_t{block[1]} << 32U) | block[0];
}

std::uint64_t RandomStream::below(std::uint64_t bound) {
  __extension__ using Wide = unsigned __int128;
  auto product = static_cast<Wide>(next()) * bound;
  if (static_cast<std::uint64_t>(product) < bound) {
    const std::uint64_t threshold = -bound % bound;
    while (static_cast<std::uint64_t>(product) < threshold) product = static_cast<Wide>(next()) * bound;
  }
  return static_cast<std::uint64_t>(product >> 64U);
}

double RandomStream::uniform() { return static_cast<double>(next() >> 11U) * 0x1p-53; }

double RandomStream::normal() {
  const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
  return radius * std::cos(2.0 * std::numbers::pi * uniform());
}

std::vector<std::int64_t> random_permutation(std::int64_t count, std::uint64_t key) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  RandomStream random(key);
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
  return order;
}

// Selection sampling (Knuth, TAOCP 2, algorithm 3.4.2S): one pass in ascending order, without memory beyond the result.
std::vector<std::int64_t> random_subset(std::int64_t count, std::int64_t chosen, std::uint64_t key) {
  std::vector<std::int64_t> subset;
  subset.reserve(static_cast<std::size_t>(chosen));
  RandomStream random(key);
  for (std::int64_t i = 0; chosen > static_cast<std::int64_t>(subset.size()); ++i) {
    const auto wanted = chosen - static_cast<std::int64_t>(subset.size());
    if (random.below(static_cast<std::uint64_t>(count - i)) < static_cast<std::uint64_t>(wanted)) subset.push_back(i);
  }
  return subset;
}

}  // namespace tunescope
