#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tunescope/text/word_piece/word_piece.hpp"

namespace tunescope {

/// What the files of a tokenizer say: the arguments of `WordPiece`, and anything unusual.
struct WordPieceFiles {
  std::vector<std::string> vocabulary;
  WordPieceOptions options;
  FolderNotes notes = {};
};

/// Reads `vocab.txt`. Each line has one token, and its id is the number of the line, from 0. White space at line ends
/// (hence CRLF) and empty lines at the end are ignored. If a token occurs twice, the later line counts, as in
/// transformers, the id of the earlier line is left without a token, and a warning says so. Throws `DataError` naming
/// the line of what is wrong.
WordPieceFiles read_vocabulary_lines(const std::filesystem::path& file);

/// More ids than any vocabulary has (LaBSE's has 501,153). A larger id means a damaged file, for which no memory should
/// be allocated.
inline constexpr std::size_t kMaxVocabularySize = 2'000'000;

/// Reads `tokenizer.json`, as `Tokenizer.save` of `tokenizers` writes it. Throws `DataError` unless it is a BERT
/// tokenizer: a WordPiece model, a BertNormalizer, a BertPreTokenizer, and special tokens at BERT's places.
WordPieceFiles read_tokenizer_json(const std::filesystem::path& file);

/// Applies the files that transformers keeps next to `vocab.txt`, with its precedence: `tokenizer_config.json`; then,
/// unless that has `added_tokens_decoder`, `special_tokens_map.json` and `added_tokens.json`. Missing files change
/// nothing. Throws `DataError` if `tokenizer_class` is not BERT's.
void apply_files_beside_lines(const std::filesystem::path& folder, WordPieceFiles& files);

/// Applies the keys of `tokenizer_config.json` that change the normalization of `tokenizer.json`. Warns about anything
/// else in it that contradicts `tokenizer.json`.
void apply_files_beside_json(const std::filesystem::path& folder, WordPieceFiles& files);

/// Warns if lower-casing and the vocabulary do not fit each other: if the vocabulary has tokens with capitals, which
/// lower-cased text never contains, or if text keeps its capitals and the vocabulary has none.
void check_case(WordPieceFiles& files);

}  // namespace tunescope
