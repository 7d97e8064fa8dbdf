#include "tunescope/text/word_piece/vocabulary.hpp"

#include <algorithm>
#include <utility>

#include "tunescope/base/error.hpp"
#include "tunescope/text/utf8.hpp"

namespace tunescope {
namespace {

/// The longest prefix of `text` that is a key: its length in bytes and its id.
struct Match {
  std::size_t bytes = 0;
  std::int32_t id = 0;
};

bool starts_code_point(char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U; }

template <typename Ids>
Match find_longest_prefix(const Ids& ids, std::string_view text, std::size_t longest_key_bytes) {
  for (std::size_t bytes = std::min(text.size(), longest_key_bytes); bytes > 0; --bytes) {
    if (bytes < text.size() && !starts_code_point(text[bytes])) continue;
    const auto found = ids.find(text.substr(0, bytes));
    if (found != ids.end()) return {bytes, found->second};
  }
  return {};
}

}  // namespace

Vocabulary::Vocabulary(std::vector<std::string> tokens, std::string_view continuation_prefix)
    : tokens_(std::move(tokens)) {
  words_.reserve(tokens_.size());
  for (std::size_t index = 0; index < tokens_.size(); ++index) {
    const std::string_view token = tokens_[index];
    const auto id = static_cast<std::int32_t>(index);
    if (token.empty()) continue;
    if (utf8::find_invalid(token) != token.size()) {
      throw DataError("vocabulary: the token with id " + std::to_string(index) +
                      " is not UTF-8: convert the vocabulary to UTF-8");
    }
    const auto [first, is_new] = words_.emplace(token, id);
    if (!is_new) {
      throw DataError("vocabulary: token '" + std::string(token) + "' has the ids " + std::to_string(first->second) +
                      " and " + std::to_string(index) + ": remove one, every token must be unique");
    }
    longest_word_bytes_ = std::max(longest_word_bytes_, token.size());
    if (token.size() > continuation_prefix.size() && token.starts_with(continuation_prefix)) {
      const std::string_view rest = token.substr(continuation_prefix.size());
      continuations_.emplace(rest, id);
      longest_continuation_bytes_ = std::max(longest_continuation_bytes_, rest.size());
    }
  }
  if (words_.empty()) throw DataError("vocabulary: it has no token: give the vocabulary the model was trained with");
}

std::optional<std::int32_t> Vocabulary::find(std::string_view token) const {
  const auto found = words_.find(token);
  if (found == words_.end()) return std::nullopt;
  return found->second;
}

bool Vocabulary::append_pieces(std::string_view word, std::vector<std::int32_t>& ids) const {
  const std::size_t first = ids.size();
  Match piece = find_longest_prefix(words_, word, longest_word_bytes_);
  while (piece.bytes > 0) {
    ids.push_back(piece.id);
    word.remove_prefix(piece.bytes);
    if (word.empty()) return true;
    piece = find_longest_prefix(continuations_, word, longest_continuation_bytes_);
  }
  ids.resize(first);
  return false;
}

}  // namespace tunescope
