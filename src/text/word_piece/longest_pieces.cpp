#include "tunescope/text/word_piece/longest_pieces.hpp"

#include <algorithm>

namespace tunescope {
namespace {

bool starts_code_point(char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U; }

}  // namespace

/// The longest prefix of a text that is a piece: its length in bytes and its id.
struct LongestPieces::Match {
  std::size_t bytes = 0;
  std::int32_t id = 0;
};

void LongestPieces::Pieces::add(std::string_view text, std::int32_t id) {
  ids.emplace(text, id);
  longest_bytes = std::max(longest_bytes, text.size());
}

LongestPieces::LongestPieces(const Vocabulary& vocabulary, std::string_view continuation_prefix) {
  words_.ids.reserve(vocabulary.size());
  for (std::size_t index = 0; index < vocabulary.size(); ++index) {
    const std::string_view token = vocabulary.tokens()[index];
    const auto id = static_cast<std::int32_t>(index);
    if (token.empty()) continue;
    words_.add(token, id);
    if (token.size() > continuation_prefix.size() && token.starts_with(continuation_prefix)) {
      continuations_.add(token.substr(continuation_prefix.size()), id);
    }
  }
}

LongestPieces::Match LongestPieces::find_longest_prefix(const Pieces& pieces, std::string_view text) {
  for (std::size_t bytes = std::min(text.size(), pieces.longest_bytes); bytes > 0; --bytes) {
    if (bytes < text.size() && !starts_code_point(text[bytes])) continue;
    const auto found = pieces.ids.find(text.substr(0, bytes));
    if (found != pieces.ids.end()) return {bytes, found->second};
  }
  return {};
}

bool LongestPieces::append_pieces(std::string_view word, std::vector<std::int32_t>& ids) const {
  const std::size_t first = ids.size();
  Match piece = find_longest_prefix(words_, word);
  while (piece.bytes > 0) {
    ids.push_back(piece.id);
    word.remove_prefix(piece.bytes);
    if (word.empty()) return true;
    piece = find_longest_prefix(continuations_, word);
  }
  ids.resize(first);
  return false;
}

}  // namespace tunescope
