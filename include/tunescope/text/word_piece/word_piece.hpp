#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tunescope/text/tokenizer/tokenizer.hpp"
#include "tunescope/text/word_piece/bert_normalizer.hpp"
#include "tunescope/text/word_piece/longest_pieces.hpp"

namespace tunescope {

// BERT's tokenizer. Text becomes token ids in four steps. (1) Added tokens, such as [MASK], are found in the text and
// cut out. (2) The text between them is normalized: control characters are dropped and, depending on the model, accents
// are stripped and letters lower-cased (`BertNormalizer`). (3) It is split into words at white space and punctuation
// (`for_each_word`). (4) Each word is cut greedily into the longest pieces that the vocabulary has
// (`LongestPieces::append_pieces`). A model gives sensible results only with the ids it was trained on, so every step
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

/// Gives the ids of Hugging Face's `BertTokenizerFast` (`tokenizers` 0.23) for every text.
class WordPiece final : public Tokenizer {
 public:
  /// The id of a token is its index in `vocabulary`; an empty string is an id without a token. An added, pad or mask
  /// token that the vocabulary lacks gets the next id after it. Throws `DataError` if the vocabulary is empty, has a
  /// token twice, or lacks the unknown, class or separator token.
  WordPiece(std::vector<std::string> vocabulary, WordPieceOptions options);

  std::string summary() const override;
  std::vector<std::int32_t> tokenize(std::string_view text) const override;

 private:
  WordPiece(Vocabulary&& tokens, BertNormalizer&& normalizer, WordPieceOptions&& options);
  void append_words(std::string_view normalized, std::vector<std::int32_t>& ids) const;
  std::string compute_content_hash() const;

  WordPieceOptions options_;
  BertNormalizer normalizer_;
  LongestPieces pieces_;
  std::int32_t unknown_id_;
};

}  // namespace tunescope
