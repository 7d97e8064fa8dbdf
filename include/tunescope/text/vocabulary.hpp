#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace tunescope {

/// The tokens of a WordPiece model and their ids, searchable by the beginning or the rest of a word without
/// copying it. Movable, not copyable: its maps refer to its own strings.
class Vocabulary {
 public:
  /// The id of a token is its index; an empty string is an id without token. `continuation_prefix` marks the
  /// tokens that continue a word. Throws `DataError` where there is no token, a token occurs twice or is not
  /// UTF-8.
  Vocabulary(std::vector<std::string> tokens, std::string_view continuation_prefix);
  Vocabulary(Vocabulary&&) = default;
  Vocabulary& operator=(Vocabulary&&) = default;
  Vocabulary(const Vocabulary&) = delete;
  Vocabulary& operator=(const Vocabulary&) = delete;
  ~Vocabulary() = default;

  /// The largest id + 1.
  std::size_t size() const { return tokens_.size(); }

  /// All tokens in the order of their ids.
  const std::vector<std::string>& tokens() const { return tokens_; }

  /// The id of a whole token, as it is written in the vocabulary.
  std::optional<std::int32_t> find(std::string_view token) const;

  /// Appends the ids of a word, which must not be empty: the longest token that begins it, then the longest
  /// that continues it, and so on (greedy WordPiece; Wu et al. 2016, arXiv:1609.08144). Returns false and
  /// appends nothing where that leads nowhere.
  bool append_pieces(std::string_view word, std::vector<std::int32_t>& ids) const;

 private:
  using Ids = std::unordered_map<std::string_view, std::int32_t>;

  std::vector<std::string> tokens_;
  Ids words_;
  Ids continuations_;
  std::size_t longest_word_bytes_ = 0;
  std::size_t longest_continuation_bytes_ = 0;
};

}  // namespace tunescope
