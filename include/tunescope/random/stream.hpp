#pragma once

#include <cstdint>
#include <vector>

namespace tunescope {

/// What a trial draws random numbers for. Each use has its own sequence, so none depends on how many numbers another
/// use has drawn.
enum class RandomUse : std::uint32_t {
  kDropout = 1,
  kHead = 2,
  kOrder = 3,
  kSubsample = 4,
  kSubset = 5,
  kDemo = 6,
  kFisherLabel = 7,
  kPooler = 8,
  kAdded = 9,
  kFisherSign = 10,
  kSelection = 11
};

/// A key for `philox`, derived from the seed, the use and a number within the use (a step, an epoch, a tensor).
std::uint64_t random_key(std::uint64_t seed, RandomUse use, std::uint64_t number = 0);

/// A sequence of random numbers under one key.
class RandomStream {
 public:
  explicit RandomStream(std::uint64_t key) : key_(key) {}

  /// Uniform in [0, bound), without bias (Lemire, "Fast random integer generation in an interval", 2019).
  std::uint64_t below(std::uint64_t bound);

  /// Uniform in [0, 1), 53 bits.
  double uniform();

  /// Standard normal, by the Box-Muller transform.
  double normal();

 private:
  std::uint64_t next();

  std::uint64_t key_;
  std::uint64_t counter_ = 0;
};

/// A uniformly random permutation of 0 ... count-1 (Fisher-Yates shuffle).
std::vector<std::int64_t> random_permutation(std::int64_t count, std::uint64_t key);

/// `chosen` distinct numbers below `count`, chosen uniformly at random, in ascending order.
std::vector<std::int64_t> random_subset(std::int64_t count, std::int64_t chosen, std::uint64_t key);

}  // namespace tunescope
