#include "tunescope/text/byte_pair/merges.hpp"

#include <algorithm>
#include <functional>

// The tokens of a word are a linked list, and the pairs that can merge lie in a heap with the lowest rank on top. A
// pair of which a token has merged since is still in the heap; it is passed over when it comes up.
namespace tunescope {

/// A token of the word with its neighbours: places in the list, or -1. A token that has merged into the one before it
/// has the id -1.
struct Merges::Scratch::Symbol {
  std::int32_t token;
  std::int32_t previous;
  std::int32_t next;
};

struct Merges::Scratch::Candidate {
  std::int32_t rank;
  std::int32_t place;  ///< of its first token
  std::int32_t left;   ///< the id that its first token had
  std::int32_t right;  ///< and its second
  std::int32_t result;

  friend bool operator>(const Candidate& one, const Candidate& other) {
    return std::pair(one.rank, one.place) > std::pair(other.rank, other.place);
  }
};

Merges::Scratch::Scratch() = default;
Merges::Scratch::~Scratch() = default;

Merges::Merges(const std::vector<Merge>& merges) {
  rules_.reserve(merges.size());
  std::int32_t rank = 0;
  for (const Merge& merge : merges) rules_[key(merge.left, merge.right)] = {rank++, merge.result};
}

void Merges::propose(Scratch& scratch, std::int32_t left, std::int32_t right) const {
  if (left < 0 || right < 0) return;
  const auto token = [&](std::int32_t place) { return scratch.symbols_[static_cast<std::size_t>(place)].token; };
  const auto rule = rules_.find(key(token(left), token(right)));
  if (rule == rules_.end()) return;
  scratch.candidates_.push_back({rule->second.rank, left, token(left), token(right), rule->second.result});
  std::push_heap(scratch.candidates_.begin(), scratch.candidates_.end(), std::greater<>());
}

void Merges::apply(std::vector<std::int32_t>& tokens, Scratch& scratch) const {
  auto& symbols = scratch.symbols_;
  auto& candidates = scratch.candidates_;
  const auto count = static_cast<std::int32_t>(tokens.size());
  symbols.clear();
  for (std::int32_t place = 0; place < count; ++place) {
    symbols.push_back({tokens[static_cast<std::size_t>(place)], place - 1, place + 1 < count ? place + 1 : -1});
  }
  for (std::int32_t place = 0; place + 1 < count; ++place) propose(scratch, place, place + 1);
  while (!candidates.empty()) {
    std::pop_heap(candidates.begin(), candidates.end(), std::greater<>());
    const Scratch::Candidate best = candidates.back();
    candidates.pop_back();
    Scratch::Symbol& left = symbols[static_cast<std::size_t>(best.place)];
    if (left.token != best.left || left.next < 0) continue;
    Scratch::Symbol& right = symbols[static_cast<std::size_t>(left.next)];
    if (right.token != best.right) continue;
    left.token = best.result;
    left.next = right.next;
    right.token = -1;
    if (left.next >= 0) symbols[static_cast<std::size_t>(left.next)].previous = best.place;
    propose(scratch, left.previous, best.place);
    propose(scratch, best.place, left.next);
  }
  tokens.clear();
  for (const Scratch::Symbol& symbol : symbols) {
    if (symbol.token >= 0) tokens.push_back(symbol.token);
  }
}

}  // namespace tunescope
