#include <algorithm>

#include "tunescope/base/error.hpp"
#include "tunescope/text/word_piece/word_piece.hpp"

namespace tunescope {
namespace {

/// How many tokens of each text are kept.
struct PairLengths {
  std::size_t first = 0;
  std::size_t second = 0;
};

/// The rule "longest_first", as `truncate_encodings` of `tokenizers` computes it.
PairLengths truncate_longest_first(PairLengths lengths, std::size_t room) {
  if (lengths.first + lengths.second <= room) return lengths;
  const std::size_t shorter = std::min(lengths.first, lengths.second);
  PairLengths kept{shorter, room - std::min(room, shorter)};
  if (kept.first > kept.second) kept = {room / 2, room - room / 2};
  if (lengths.first > lengths.second) std::swap(kept.first, kept.second);
  return kept;
}

std::size_t room_for_text(std::size_t max_length, std::size_t special_tokens) {
  if (max_length < special_tokens) {
    throw ConfigError("max_length " + std::to_string(max_length) + " leaves no room for the " +
                      std::to_string(special_tokens) + " special tokens: raise it to at least " +
                      std::to_string(special_tokens));
  }
  return max_length - special_tokens;
}

}  // namespace

Encoding WordPiece::encode(std::string_view text, std::size_t max_length) const {
  const std::size_t room = room_for_text(max_length, 2);
  Encoding encoding{tokenize(text), {}};
  std::vector<std::int32_t>& ids = encoding.token_ids;
  ids.resize(std::min(ids.size(), room));
  ids.insert(ids.begin(), class_id_);
  ids.push_back(separator_id_);
  encoding.type_ids.assign(ids.size(), 0);
  return encoding;
}

Encoding WordPiece::encode_pair(std::string_view first, std::string_view second, std::size_t max_length) const {
  const std::size_t room = room_for_text(max_length, 3);
  Encoding encoding{tokenize(first), {}};
  std::vector<std::int32_t>& ids = encoding.token_ids;
  const std::vector<std::int32_t> second_ids = tokenize(second);
  const PairLengths kept = truncate_longest_first({ids.size(), second_ids.size()}, room);
  ids.resize(kept.first);
  ids.insert(ids.begin(), class_id_);
  ids.push_back(separator_id_);
  encoding.type_ids.assign(ids.size(), 0);
  ids.insert(ids.end(), second_ids.begin(), second_ids.begin() + static_cast<std::ptrdiff_t>(kept.second));
  ids.push_back(separator_id_);
  encoding.type_ids.resize(ids.size(), 1);
  return encoding;
}

}  // namespace tunescope
