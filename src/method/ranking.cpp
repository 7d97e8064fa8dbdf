#include "ranking.hpp"

#include <algorithm>
#include <bit>
#include <map>
#include <utility>

#include "tunescope/base/error.hpp"

namespace tunescope {
namespace {

// A number whose ascending order is that of the ranks. Its high half is the bits of a float (those of non-negative
// floats are ordered like the floats), for `kHighest` their complement; its low half the number of the scalar.
using RankKey = std::uint64_t;
constexpr unsigned kIndexBits = 32;
constexpr std::uint32_t kSignBit = std::uint32_t{1} << 31;

std::int64_t scalar_of(RankKey key) { return static_cast<std::uint32_t>(key); }

template <typename Visit>
void visit_keys(const std::vector<ParameterIndex>& tensors, const ParameterImportance& ranking, RankOrder order,
                Visit visit) {
  RankKey scalar = 0;
  for (const ParameterIndex i : tensors) {
    const at::Tensor tensor = ranking.at(i).cpu().contiguous();
    const float* const values = tensor.const_data_ptr<float>();
    for (std::int64_t k = 0; k < tensor.numel(); ++k, ++scalar) {
      if (scalar >> kIndexBits != 0) throw ConfigError("a pool may have up to 2^32 scalars");
      const std::uint32_t bits = std::bit_cast<std::uint32_t>(values[k]) & ~kSignBit;
      visit(static_cast<RankKey>(order == RankOrder::kHighest ? ~bits : bits) << kIndexBits | scalar);
    }
  }
}

// The first `count` keys in ascending order. Keys that cannot be among them are dropped on the way.
std::vector<RankKey> first_keys(const std::vector<ParameterIndex>& tensors, const ParameterImportance& ranking,
                                RankOrder order, std::size_t count) {
  std::vector<RankKey> keys;
  RankKey bound = ~RankKey{0};
  const auto drop = [&] {
    if (keys.size() <= count) return;
    const auto last = keys.begin() + static_cast<std::ptrdiff_t>(count) - 1;
    std::nth_element(keys.begin(), last, keys.end());
    bound = *last;
    keys.resize(count);
  };
  visit_keys(tensors, ranking, order, [&](RankKey key) {
    if (key > bound) return;
    keys.push_back(key);
    if (keys.size() == 2 * count) drop();
  });
  drop();
  std::ranges::sort(keys);
  return keys;
}

// By the sums of their ranks and, if these are equal, in the order of the model.
void sort_by_rank_sum(std::vector<std::int64_t>& scalars, const std::vector<ParameterIndex>& tensors,
                      std::span<const ParameterImportance> rankings, RankOrder order) {
  std::map<std::int64_t, std::int64_t> sums;
  for (const ParameterImportance& ranking : rankings) {
    std::map<std::int64_t, RankKey> own;
    visit_keys(tensors, ranking, order, [&](RankKey key) {
      if (std::ranges::find(scalars, scalar_of(key)) != scalars.end()) own[scalar_of(key)] = key;
    });
    visit_keys(tensors, ranking, order, [&](RankKey key) {
      for (const auto& [scalar, its_key] : own) sums[scalar] += key < its_key ? 1 : 0;
    });
  }
  std::ranges::sort(scalars, {}, [&](std::int64_t scalar) { return std::pair(sums[scalar], scalar); });
}

}  // namespace

std::vector<std::int64_t> choose_by_rank(const std::vector<ParameterIndex>& tensors, std::int64_t count,
                                         std::span<const ParameterImportance> rankings, RankOrder order) {
  std::vector<std::vector<RankKey>> keys;
  for (const ParameterImportance& ranking : rankings) {
    keys.push_back(first_keys(tensors, ranking, order, static_cast<std::size_t>(count)));
  }
  std::int64_t size = 0;
  for (const ParameterIndex i : tensors) size += rankings.front()[i].numel();
  std::vector<bool> is_chosen(static_cast<std::size_t>(size));
  auto missing = static_cast<std::size_t>(count);
  for (std::size_t rank = 0; missing > 0; ++rank) {
    std::vector<std::int64_t> next;  // the scalars whose best rank this is
    for (const std::vector<RankKey>& own : keys) {
      const std::int64_t scalar = scalar_of(own[rank]);
      if (!is_chosen[static_cast<std::size_t>(scalar)]) next.push_back(scalar);
      is_chosen[static_cast<std::size_t>(scalar)] = true;
    }
    const std::size_t taken = std::min(missing, next.size());
    if (taken < next.size()) sort_by_rank_sum(next, tensors, rankings, order);
    for (std::size_t i = taken; i < next.size(); ++i) is_chosen[static_cast<std::size_t>(next[i])] = false;
    missing -= taken;
  }
  std::vector<std::int64_t> chosen;
  for (std::int64_t scalar = 0; scalar < size; ++scalar) {
    if (is_chosen[static_cast<std::size_t>(scalar)]) chosen.push_back(scalar);
  }
  return chosen;
}

}  // namespace tunescope
