#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tunescope/io/folder_notes.hpp"
#include "tunescope/text/word_piece/added_tokens.hpp"
#include "tunescope/text/word_piece/bert_normalizer.hpp"
#include "tunescope/text/word_piece/vocabulary.hpp"

namespace tunescope {

// BERT's tokenizer. Text becomes token ids in four steps. (1) Added tokens, such as [MASK], are found in the text and
// cut out. (2) The text between them is normalized: control characters are dropped and, depending on the model, accents
// are stripped and letters lower-cased (`BertNormalizer`). (3) It is split into words at white space and punctuation
// (`for_each_word`). (4) Each word is cut greedily into the longest pieces that the vocabulary has
// (`Vocabulary::append_pieces`). A model gives sensible results only with the ids it was trained on, so every step
// follows Hugging Face's library to the letter, and tests compare the ids.

/// The options of these steps. Names and defaults are those of Hugging Face's `BertTokenizerFast`.
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
  std::string continuation_prefix = "##";  ///< the prefix of tokens that continue a word
  /// Tokens that are found in the text before it is split into words. The five tokens above always are; unless this
  /// list names them, they are matched before normalization.
  std::vector<AddedToken> added_tokens = {};
};

/// The token ids of one example and, for each, which of its two texts it belongs to (0 or 1).
struct Encoding {
  std::vector<std::int32_t> token_ids;
  std::vector<std::int32_t> type_ids;
};

/// Gives the ids of Hugging Face's `BertTokenizerFast` (`tokenizers` 0.23) for every text. Bytes that are not UTF-8
/// count as U+FFFD, as after Python's `bytes.decode("utf-8", "replace")`. Immutable after construction, so threads may
/// share it. Movable, not copyable.
class WordPiece {
 public:
  /// The id of a token is its index in `vocabulary`; an empty string is an id without a token. An added, pad or mask
  /// token that the vocabulary lacks gets the next id after it. Throws `DataError` if the vocabulary is empty, has a
  /// token twice, or lacks the unknown, class or separator token.
  WordPiece(std::vector<std::string> vocabulary, WordPieceOptions options);

  /// Reads `tokenizer.json`, or `vocab.txt` if there is none, from a model folder. The keys `do_lower_case`,
  /// `strip_accents` and `tokenize_chinese_chars` of a `tokenizer_config.json` override it, as in transformers. With
  /// `vocab.txt`, the special token names and the `added_tokens_decoder` of that file are used too, or, without the
  /// latter, `special_tokens_map.json` and `added_tokens.json`. Throws `DataError` if a file is missing, malformed or
  /// describes another kind of tokenizer.
  static WordPiece from_folder(const std::filesystem::path& folder);

  /// What `from_folder` read, and anything unusual about it.
  const FolderNotes& notes() const { return notes_; }

  /// The options in use.
  const WordPieceOptions& options() const { return options_; }

  /// The ids of a text, without class and separator tokens.
  std::vector<std::int32_t> tokenize(std::string_view text) const;

  /// `[CLS] text [SEP]`. The end of the text is truncated if there would be more than `max_length` tokens in all.
  /// Throws `ConfigError` if `max_length` is below 2.
  Encoding encode(std::string_view text, std::size_t max_length) const;

  /// `[CLS] first [SEP] second [SEP]` with the types 0 0 0 1 1. If there would be more than `max_length` tokens, the
  /// ends of the texts are truncated by the rule "longest_first" of `tokenizers`: the longer text down to the length of
  /// the other, then both to equal halves, with an odd token left to the longer. Throws `ConfigError` if `max_length`
  /// is below 3.
  Encoding encode_pair(std::string_view first, std::string_view second, std::size_t max_length) const;

  /// The largest id + 1, added tokens included.
  std::size_t vocabulary_size() const { return vocabulary_size_; }

  /// The token of an id; empty for an id without a token. Throws `DataError` if there is no such id.
  std::string_view token(std::int32_t id) const;

  /// SHA-256 over the vocabulary and every option that affects ids. Equal hashes mean equal tokenization.
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
