#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tunescope/text/tokenizer/vocabulary.hpp"

namespace tunescope {

/// Cuts words into the longest tokens of a vocabulary. Words are searched as views, which are not copied. It refers to
/// the strings of the vocabulary, which must outlive it and may be moved.
class LongestPieces {
 public:
  /// `continuation_prefix` marks the tokens that continue a word.
  LongestPieces(const Vocabulary& vocabulary, std::string_view continuation_prefix);

  /// Appends the ids of a word, which must not be empty: the longest token that begins it, then the longest token that
  /// continues it, and so on (greedy WordPiece; Wu et al. 2016, arXiv:1609.08144). Returns false and appends nothing if
  /// at some point no token fits.
  bool append_pieces(std::string_view word, std::vector<std::int32_t>& ids) const;

 private:
  /// Tokens by their text, and the length of the longest.
  struct Pieces {
    std::unordered_map<std::string_view, std::int32_t> ids;
    std::size_t longest_bytes = 0;

    void add(std::string_view text, std::int32_t id);
  };
  struct Match;
  static Match find_longest_prefix(const Pieces& pieces, std::string_view text);

  Pieces words_;
  Pieces continuations_;
};

}  // namespace tunescope
