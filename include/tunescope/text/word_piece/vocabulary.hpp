#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace tunescope {

/// The tokens of a WordPiece model and their ids. It is searched with views of a word, which are not copied. Movable,
/// not copyable: its maps refer to its own strings.
class Vocabulary {
 public:
  /// The id of a token is its index; an empty string is an id without a token. `continuation_prefix` marks the tokens
  /// that continue a word. Throws `DataError` if there are no tokens, or a token occurs twice or is not UTF-8.
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

  /// The id of a token, spelled as in the vocabulary.
  std::optional<std::int32_t> find(std::string_view token) const;

  /// Appends the ids of a word, which must not be empty: the longest token that begins it, then the longest token that
  /// continues it, and so on (greedy WordPiece; Wu et al. 2016, arXiv:1609.08144). Returns false and appends nothing if
  /// at some point no token fits.
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
