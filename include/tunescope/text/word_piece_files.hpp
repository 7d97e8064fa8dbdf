#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tunescope/text/word_piece.hpp"

namespace tunescope {

/// What the files of a tokenizer say: the arguments of `WordPiece`.
struct WordPieceFiles {
  std::vector<std::string> vocabulary;
  WordPieceOptions options;
};

/// Reads `vocab.txt`: one token a line, its id the number of the line from 0; white space at line ends (so CRLF)
/// and empty lines at the end are ignored. Throws `DataError` naming the line of what is wrong.
std::vector<std::string> read_vocabulary_lines(const std::filesystem::path& file);

/// More ids than any vocabulary has (LaBSE's has 501,153): a larger one is a damaged file, not a reason to allocate.
inline constexpr std::size_t kMaxVocabularySize = 2'000'000;

/// Reads `tokenizer.json`, as `Tokenizer.save` of `tokenizers` writes it. Throws `DataError` where it is not a BERT
/// tokenizer: a WordPiece model, a BertNormalizer, a BertPreTokenizer, and BERT's places for the special tokens.
WordPieceFiles read_tokenizer_json(const std::filesystem::path& file);

/// Applies the keys of `tokenizer_config.json` that change the normalization.
void apply_normalizer_config(const std::filesystem::path& file, WordPieceOptions& options);

/// Applies the special token names and the added tokens of `tokenizer_config.json`.
void apply_token_config(const std::filesystem::path& file, WordPieceOptions& options);

}  // namespace tunescope
