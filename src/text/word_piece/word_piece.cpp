#include "tunescope/text/word_piece/word_piece.hpp"

#include <algorithm>
#include <utility>

#include "tunescope/base/error.hpp"
#include "tunescope/base/hash.hpp"
#include "tunescope/text/utf8.hpp"
#include "tunescope/text/word_piece/bert_words.hpp"

namespace tunescope {
namespace {

BertNormalizerOptions normalizer_options(const WordPieceOptions& options) {
  return {.clean_text = options.clean_text,
          .tokenize_chinese_chars = options.tokenize_chinese_chars,
          .strip_accents = options.strip_accents.value_or(options.lowercase),
          .lowercase = options.lowercase};
}

bool contains(const std::vector<AddedToken>& tokens, std::string_view content) {
  return std::any_of(tokens.begin(), tokens.end(), [&](const AddedToken& token) { return token.content == content; });
}

/// Adds the special tokens in the order of transformers, since that order determines the ids of those that the
/// vocabulary lacks.
std::vector<AddedToken> with_special_tokens(const WordPieceOptions& options) {
  std::vector<AddedToken> tokens;
  for (const AddedToken& token : options.added_tokens) {
    if (!token.content.empty() && !contains(tokens, token.content)) tokens.push_back(token);
  }
  for (const std::string* special : {&options.unknown_token, &options.separator_token, &options.pad_token,
                                     &options.class_token, &options.mask_token}) {
    if (!special->empty() && !contains(tokens, *special)) tokens.push_back({.content = *special});
  }
  return tokens;
}

std::vector<AddedToken> with_ids(std::vector<AddedToken> tokens, const Vocabulary& vocabulary) {
  auto next_id = static_cast<std::int32_t>(vocabulary.size());
  for (AddedToken& token : tokens) {
    const std::optional<std::int32_t> known = vocabulary.find(token.content);
    if (known.has_value() && token.id.value_or(*known) != *known) {
      throw DataError("added token '" + token.content + "' has id " + std::to_string(*token.id) +
                      ", but the vocabulary gives it id " + std::to_string(*known) + ": make them agree");
    }
    if (!known.has_value() && token.id.has_value() && static_cast<std::size_t>(*token.id) < vocabulary.size() &&
        !vocabulary.tokens()[static_cast<std::size_t>(*token.id)].empty()) {
      throw DataError("added token '" + token.content + "' has id " + std::to_string(*token.id) +
                      ", which belongs to the token '" + vocabulary.tokens()[static_cast<std::size_t>(*token.id)] +
                      "': give every token its own id");
    }
    if (known.has_value()) token.id = known;
    if (!token.id.has_value()) token.id = next_id;
    next_id = std::max(next_id, *token.id + 1);
  }
  return tokens;
}

std::vector<AddedToken> select_literal(std::vector<AddedToken> tokens) {
  std::erase_if(tokens, [](const AddedToken& token) { return token.is_normalized; });
  return tokens;
}

std::vector<AddedToken> select_normalized(std::vector<AddedToken> tokens, const BertNormalizer& normalizer) {
  std::erase_if(tokens, [](const AddedToken& token) { return !token.is_normalized; });
  for (AddedToken& token : tokens) {
    std::string normalized;
    normalizer.append_normalized(token.content, normalized);
    token.content = std::move(normalized);
  }
  std::erase_if(tokens, [](const AddedToken& token) { return token.content.empty(); });
  return tokens;
}

std::size_t largest_id(const std::vector<AddedToken>& tokens) {
  std::int32_t largest = 0;
  for (const AddedToken& token : tokens) largest = std::max(largest, token.id.value_or(0));
  return static_cast<std::size_t>(largest);
}

}  // namespace

WordPiece::WordPiece(std::vector<std::string> vocabulary, WordPieceOptions options)
    : options_(std::move(options)),
      vocabulary_(std::move(vocabulary), options_.continuation_prefix),
      normalizer_(normalizer_options(options_)),
      added_tokens_(with_ids(with_special_tokens(options_), vocabulary_)),
      literal_tokens_(select_literal(added_tokens_)),
      normalized_tokens_(select_normalized(added_tokens_, normalizer_)),
      unknown_id_(required_id(options_.unknown_token, "unknown")),
      class_id_(required_id(options_.class_token, "class")),
      separator_id_(required_id(options_.separator_token, "separator")),
      vocabulary_size_(std::max(vocabulary_.size(), largest_id(added_tokens_) + 1)),
      content_hash_(compute_content_hash()) {}

std::int32_t WordPiece::required_id(const std::string& token, std::string_view role) const {
  const std::optional<std::int32_t> id = vocabulary_.find(token);
  if (!id.has_value()) {
    throw DataError("vocabulary: the " + std::string(role) + " token '" + token +
                    "' is missing: add it, or name the token that the model was trained with (cls_token, sep_token, "
                    "unk_token in tokenizer_config.json)");
  }
  return *id;
}

std::string_view WordPiece::token(std::int32_t id) const {
  const auto index = static_cast<std::size_t>(id);
  if (id < 0 || index >= vocabulary_size_) {
    throw DataError("token id " + std::to_string(id) + " is outside the vocabulary of " +
                    std::to_string(vocabulary_size_) + " tokens: use the vocabulary that made the ids");
  }
  const auto added =
      std::find_if(added_tokens_.begin(), added_tokens_.end(), [&](const AddedToken& token) { return token.id == id; });
  if (added != added_tokens_.end()) return added->content;
  return index < vocabulary_.size() ? std::string_view(vocabulary_.tokens()[index]) : std::string_view();
}

void WordPiece::append_words(std::string_view normalized, std::vector<std::int32_t>& ids) const {
  for_each_word(normalized, [&](const Word& word) {
    if (word.character_count > options_.max_characters_per_word || !vocabulary_.append_pieces(word.text, ids)) {
      ids.push_back(unknown_id_);
    }
  });
}

std::vector<std::int32_t> WordPiece::tokenize(std::string_view text) const {
  std::string repaired;
  if (utf8::find_invalid(text) != text.size()) {
    repaired = utf8::replace_invalid(text);
    text = repaired;
  }
  std::vector<std::int32_t> ids;
  ids.reserve(text.size() / 3 + 4);
  std::string normalized;
  literal_tokens_.split(text, [&](const AddedTokenMatcher::Segment& raw) {
    if (raw.id.has_value()) return ids.push_back(*raw.id);
    normalized.clear();
    normalizer_.append_normalized(raw.text, normalized);
    normalized_tokens_.split(normalized, [&](const AddedTokenMatcher::Segment& segment) {
      if (segment.id.has_value()) return ids.push_back(*segment.id);
      append_words(segment.text, ids);
    });
  });
  return ids;
}

std::string WordPiece::compute_content_hash() const {
  std::string content;
  const auto add_text = [&](std::string_view text) {
    content.append(std::to_string(text.size())).append(":").append(text);
  };
  const auto add_number = [&](std::size_t number) { content.append(std::to_string(number)).append(";"); };
  add_text("tunescope WordPiece 1");
  for (const bool option : {options_.lowercase, options_.tokenize_chinese_chars, options_.clean_text,
                            options_.strip_accents.value_or(options_.lowercase)}) {
    add_number(option ? 1 : 0);
  }
  add_number(options_.max_characters_per_word);
  for (const std::int32_t id : {unknown_id_, class_id_, separator_id_}) add_number(static_cast<std::size_t>(id));
  add_text(options_.continuation_prefix);
  add_number(vocabulary_.size());
  for (const std::string& token : vocabulary_.tokens()) add_text(token);
  std::vector<AddedToken> added = added_tokens_;
  std::sort(added.begin(), added.end(),
            [](const AddedToken& left, const AddedToken& right) { return left.content < right.content; });
  for (const AddedToken& token : added) {
    add_text(token.content);
    add_number(static_cast<std::size_t>(token.id.value_or(0)));
    for (const bool flag : {token.is_normalized, token.is_single_word, token.strips_left, token.strips_right}) {
      add_number(flag ? 1 : 0);
    }
  }
  return sha256_hex(content);
}

}  // namespace tunescope
