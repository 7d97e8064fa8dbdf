#include "tunescope/text/tokenizer/sequence_encoder.hpp"

#include <algorithm>
#include <span>
#include <utility>

#include "tunescope/base/error.hpp"

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

struct SequenceEncoder::Texts {
  std::span<const std::int32_t> first;
  std::span<const std::int32_t> second;
};

SequenceEncoder::SequenceEncoder(const SequenceTemplate& sequence,
                                 const std::function<std::optional<std::int32_t>(const std::string&)>& find) {
  const auto id_of = [&](const std::string& token) {
    const std::optional<std::int32_t> id = find(token);
    if (!id) {
      throw DataError("vocabulary: the special token '" + token +
                      "' is missing, which the model expects around texts: fetch the tokenizer's files again");
    }
    return *id;
  };
  const auto place_of = [&](const TemplatePiece& piece) {
    if (piece.token == "$A") return Place{Place::Content::kFirstText, 0, piece.type_id};
    if (piece.token == "$B") return Place{Place::Content::kSecondText, 0, piece.type_id};
    return Place{Place::Content::kSpecialToken, id_of(piece.token), piece.type_id};
  };
  for (const TemplatePiece& piece : sequence.single) single_.push_back(place_of(piece));
  for (const TemplatePiece& piece : sequence.pair) pair_.push_back(place_of(piece));
  if (!sequence.empty_token.empty()) empty_token_ = id_of(sequence.empty_token);
}

std::size_t SequenceEncoder::special_tokens(const std::vector<Place>& places) {
  return static_cast<std::size_t>(std::count_if(
      places.begin(), places.end(), [](const Place& place) { return place.content == Place::Content::kSpecialToken; }));
}

std::size_t SequenceEncoder::special_tokens_of_pair() const { return special_tokens(pair_); }

std::int32_t SequenceEncoder::types_of_pair() const {
  std::int32_t largest = 0;
  for (const Place& place : pair_) largest = std::max(largest, place.type_id);
  return largest + 1;
}

Encoding SequenceEncoder::fill(const std::vector<Place>& places, const Texts& texts) const {
  Encoding encoding;
  std::vector<std::int32_t>& ids = encoding.token_ids;
  ids.reserve(texts.first.size() + texts.second.size() + places.size());
  encoding.type_ids.reserve(ids.capacity());
  for (const Place& place : places) {
    if (place.content == Place::Content::kSpecialToken) {
      ids.push_back(place.token_id);
    } else {
      const std::span<const std::int32_t> text =
          place.content == Place::Content::kFirstText ? texts.first : texts.second;
      ids.insert(ids.end(), text.begin(), text.end());
    }
    encoding.type_ids.resize(ids.size(), place.type_id);
  }
  if (ids.empty() && empty_token_) return {{*empty_token_}, {0}};
  return encoding;
}

Encoding SequenceEncoder::encode(const std::vector<std::int32_t>& text, std::size_t max_length) const {
  const std::size_t room = room_for_text(max_length, special_tokens(single_));
  return fill(single_, {std::span(text).first(std::min(text.size(), room)), {}});
}

Encoding SequenceEncoder::encode_pair(const std::vector<std::int32_t>& first, const std::vector<std::int32_t>& second,
                                      std::size_t max_length) const {
  const std::size_t room = room_for_text(max_length, special_tokens(pair_));
  const PairLengths kept = truncate_longest_first({first.size(), second.size()}, room);
  return fill(pair_, {std::span(first).first(kept.first), std::span(second).first(kept.second)});
}

}  // namespace tunescope
