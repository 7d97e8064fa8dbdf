#include "tunescope/text/word_piece/word_piece.hpp"

#include <utility>

#include "tunescope/base/error.hpp"
#include "tunescope/text/tokenizer/content_hash.hpp"
#include "tunescope/text/word_piece/bert_words.hpp"

namespace tunescope {
namespace {

BertNormalizerOptions normalizer_options(const WordPieceOptions& options) {
  return {.clean_text = options.clean_text,
          .tokenize_chinese_chars = options.tokenize_chinese_chars,
          .strip_accents = options.strip_accents.value_or(options.lowercase),
          .lowercase = options.lowercase};
}

/// Adds the special tokens in the order of transformers, since that order determines the ids of those that the
/// vocabulary lacks.
std::vector<AddedToken> with_special_tokens(const WordPieceOptions& options) {
  std::vector<AddedToken> tokens = options.added_tokens;
  for (const std::string* special : {&options.unknown_token, &options.separator_token, &options.pad_token,
                                     &options.class_token, &options.mask_token}) {
    tokens.push_back({.content = *special});
  }
  return tokens;
}

std::int32_t required_id(const Vocabulary& vocabulary, const std::string& token, std::string_view role) {
  const std::optional<std::int32_t> id = vocabulary.find(token);
  if (!id.has_value()) {
    throw DataError("vocabulary: the " + std::string(role) + " token '" + token +
                    "' is missing: add it, or name the token that the model was trained with (cls_token, sep_token, "
                    "unk_token in tokenizer_config.json)");
  }
  return *id;
}

SequenceTemplate checked_template(const Vocabulary& vocabulary, const WordPieceOptions& options) {
  required_id(vocabulary, options.class_token, "class");
  required_id(vocabulary, options.separator_token, "separator");
  return bert_template(options.class_token, options.separator_token);
}

}  // namespace

WordPiece::WordPiece(std::vector<std::string> vocabulary, WordPieceOptions options)
    : WordPiece(Vocabulary(std::move(vocabulary)), BertNormalizer(normalizer_options(options)), std::move(options)) {}

WordPiece::WordPiece(Vocabulary&& tokens, BertNormalizer&& normalizer, WordPieceOptions&& options)
    : Tokenizer(
          std::move(tokens), with_special_tokens(options),
          [&](const std::string& text) {
            std::string normalized;
            normalizer.append_normalized(text, normalized);
            return normalized;
          },
          checked_template(tokens, options)),
      options_(std::move(options)),
      normalizer_(std::move(normalizer)),
      pieces_(vocabulary(), options_.continuation_prefix),
      unknown_id_(required_id(vocabulary(), options_.unknown_token, "unknown")) {
  set_content_hash(compute_content_hash());
}

std::string WordPiece::summary() const {
  return "WordPiece, " + std::to_string(vocabulary_size()) + " tokens, " +
         (options_.lowercase ? "lower-cased" : "cased");
}

void WordPiece::append_words(std::string_view normalized, std::vector<std::int32_t>& ids) const {
  for_each_word(normalized, [&](const Word& word) {
    if (word.character_count > options_.max_characters_per_word || !pieces_.append_pieces(word.text, ids)) {
      ids.push_back(unknown_id_);
    }
  });
}

std::vector<std::int32_t> WordPiece::tokenize(std::string_view text) const {
  std::string normalized;
  const auto normalize = [&](std::string_view part) {
    normalized.clear();
    normalizer_.append_normalized(part, normalized);
    return std::string_view(normalized);
  };
  return tokenize_between_added(
      text, normalize, [&](std::string_view part, std::vector<std::int32_t>& ids) { append_words(part, ids); });
}

std::string WordPiece::compute_content_hash() const {
  ContentHash content;
  content.add_text("tunescope WordPiece 1");
  for (const bool option : {options_.lowercase, options_.tokenize_chinese_chars, options_.clean_text,
                            options_.strip_accents.value_or(options_.lowercase)}) {
    content.add_number(option ? 1 : 0);
  }
  content.add_number(options_.max_characters_per_word);
  for (const std::string* token : {&options_.unknown_token, &options_.class_token, &options_.separator_token}) {
    content.add_number(static_cast<std::size_t>(vocabulary().find(*token).value_or(0)));
  }
  content.add_text(options_.continuation_prefix);
  content.add_texts(vocabulary().tokens());
  content.add_tokens(added_tokens().all());
  return content.sha256();
}

}  // namespace tunescope
