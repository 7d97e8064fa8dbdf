#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tunescope/folder_notes.hpp"
#include "tunescope/text/added_tokens.hpp"
#include "tunescope/text/bert_normalizer.hpp"
#include "tunescope/text/vocabulary.hpp"

namespace tunescope {

/// How text becomes tokens; the names and defaults are those of Hugging Face's `BertTokenizerFast`.
struct WordPieceOptions {
  bool lowercase = true;                             ///< lower-case every character
  bool tokenize_chinese_chars = true;                ///< every CJK ideograph is a word of its own
  bool clean_text = true;                            ///< drop control characters
  std::optional<bool> strip_accents = std::nullopt;  ///< nullopt: follows `lowercase`
  std::size_t max_characters_per_word = 100;         ///< a word with more code points is unknown
  std::string unknown_token = "[UNK]";
  std::string class_token = "[CLS]";
  std::string separator_token = "[SEP]";
  std::string pad_token = "[PAD]";
  std::string mask_token = "[MASK]";
  std::string continuation_prefix = "##";  ///< begins the tokens that continue a word
  /// Tokens found in the text before it is split into words. The five tokens above always are; where this list
  /// does not name them they are taken literally, before normalization.
  std::vector<AddedToken> added_tokens = {};
};

/// The token ids of one example and which of its two texts each belongs to (0 or 1), equally long.
struct Encoding {
  std::vector<std::int32_t> token_ids;
  std::vector<std::int32_t> type_ids;
};

/// BERT's tokenizer: the ids of Hugging Face's `BertTokenizerFast` (`tokenizers` 0.23) for every text. Bytes that
/// are not UTF-8 count as U+FFFD, as after Python's `bytes.decode("utf-8", "replace")`. Immutable after
/// construction, so that threads may share it; movable, not copyable.
class WordPiece {
 public:
  /// A token's id is its index in `vocabulary`; an empty string is an id without token. Throws `DataError` where
  /// the vocabulary is empty, has a token twice, or lacks the unknown, class or separator token. An added, pad or
  /// mask token that the vocabulary lacks gets the next id behind it.
  WordPiece(std::vector<std::string> vocabulary, WordPieceOptions options);

  /// Reads `tokenizer.json`, or where there is none `vocab.txt`, from a model folder. Where the folder has a
  /// `tokenizer_config.json`, its `do_lower_case`, `strip_accents` and `tokenize_chinese_chars` hold, as in
  /// transformers, and beside `vocab.txt` also its special token names and `added_tokens_decoder`, or in its absence
  /// `special_tokens_map.json` and `added_tokens.json`. Throws `DataError` where a file is missing, malformed or
  /// describes another kind of tokenizer.
  static WordPiece from_folder(const std::filesystem::path& folder);

  /// What `from_folder` read, and what was out of the ordinary about it.
  const FolderNotes& notes() const { return notes_; }

  /// How text becomes tokens.
  const WordPieceOptions& options() const { return options_; }

  /// The ids of a text, without class or separator token.
  std::vector<std::int32_t> tokenize(std::string_view text) const;

  /// `[CLS] text [SEP]`, the text cut at its end to `max_length` tokens in all. Throws `ConfigError` where
  /// `max_length` is below 2.
  Encoding encode(std::string_view text, std::size_t max_length) const;

  /// `[CLS] first [SEP] second [SEP]` with the types 0 0 0 1 1. Where that is longer than `max_length` tokens, the
  /// texts are cut at their ends by the rule "longest_first" of `tokenizers`: the longer one down to the length of
  /// the other, then both to equal halves, an odd token going to the longer. Throws `ConfigError` where
  /// `max_length` is below 3.
  Encoding encode_pair(std::string_view first, std::string_view second, std::size_t max_length) const;

  /// The largest id + 1, added tokens included.
  std::size_t vocabulary_size() const { return vocabulary_size_; }

  /// The token of an id; empty for an id without token. Throws `DataError` where there is no such id.
  std::string_view token(std::int32_t id) const;

  /// SHA-256 over the vocabulary and every option that bears on ids: equal where tokenization is equal.
  const std::string& content_hash() const { return content_hash_; }

 private:
  void append_words(std::string_view normalized, std::vector<std::int32_t>& ids) const;
  std::int32_t required_id(const std::string& token, std::string_view role) const;
  std::string compute_content_hash() const;

  WordPieceOptions options_;
  Vocabulary vocabulary_;
  BertNormalizer normalizer_;
  std::vector<AddedToken> added_tokens_;
  AddedTokenMatcher literal_tokens_;
  AddedTokenMatcher normalized_tokens_;
  std::int32_t unknown_id_;
  std::int32_t class_id_;
  std::int32_t separator_id_;
  std::size_t vocabulary_size_;
  std::string content_hash_;
  FolderNotes notes_;
};

}  // namespace tunescope
