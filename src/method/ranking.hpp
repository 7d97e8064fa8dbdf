#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tunescope/method/method.hpp"

namespace tunescope {

/// Which scalars come first: those with the largest or those with the lowest values.
enum class RankOrder { kHighest, kLowest };

/// Chooses `count` of the scalars of `tensors`, which are numbered consecutively, by the absolute values that
/// `rankings` give them. Equal ones are taken in the order of the model. By several rankings: think of the set of the
/// first k scalars of each; k grows, the same for all, until the union of the sets is large enough. So scalars are
/// taken in the order of their best rank, then of the sum of their ranks. Returns numbers in ascending order. Memory
/// grows with `count` alone.
std::vector<std::int64_t> choose_by_rank(const std::vector<ParameterIndex>& tensors, std::int64_t count,
                                         std::span<const ParameterImportance> rankings, RankOrder order);

}  // namespace tunescope
