#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <utility>
#include <vector>

namespace tunescope {

/// The merges of byte pair encoding (Sennrich et al. 2016, arXiv:1508.07909): which two adjacent tokens become one, and
/// in which order.
class Merges {
 public:
  /// Two tokens and what they become.
  struct Merge {
    std::int32_t left;
    std::int32_t right;
    std::int32_t result;
  };

  /// Memory that `apply` uses, to be kept from word to word.
  class Scratch {
    friend class Merges;
    struct Symbol;
    struct Candidate;
    std::vector<Symbol> symbols_;
    std::vector<Candidate> candidates_;

   public:
    Scratch();
    ~Scratch();
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
  };

  /// The rank of a merge is its place. Of a pair that is there twice the later counts, as in `tokenizers`.
  explicit Merges(const std::vector<Merge>& merges);

  /// Merges the tokens of a word: always the adjacent pair with the lowest rank, and of equals the leftmost. Takes
  /// O(n log n) for n tokens.
  void apply(std::vector<std::int32_t>& tokens, Scratch& scratch) const;

 private:
  struct Rule {
    std::int32_t rank;
    std::int32_t result;
  };
  static std::uint64_t key(std::int32_t left, std::int32_t right) {
    return static_cast<std::uint64_t>(left) << 32U | static_cast<std::uint32_t>(right);
  }
  void propose(Scratch& scratch, std::int32_t left, std::int32_t right) const;

  std::unordered_map<std::uint64_t, Rule> rules_;
};

}  // namespace tunescope
