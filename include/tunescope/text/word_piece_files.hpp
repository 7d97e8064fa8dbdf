#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tunescope/text/word_piece.hpp"

namespace tunescope {

/// What the files of a tokenizer say: the arguments of `WordPiece`, and what was out of the ordinary.
struct WordPieceFiles {
  std::vector<std::string> vocabulary;
  WordPieceOptions options;
  FolderNotes notes = {};
};

/// Reads `vocab.txt`: one token a line, its id the number of the line from 0; white space at line ends (so CRLF)
/// and empty lines at the end are ignored. Of a token that is there twice the later line counts, as in transformers,
/// and the earlier one is left without a token; a warning says so. Throws `DataError` naming the line of what is wrong.
WordPieceFiles read_vocabulary_lines(const std::filesystem::path& file);

/// More ids than any vocabulary has (LaBSE's has 501,153): a larger one is a damaged file, not a reason to allocate.
inline constexpr std::size_t kMaxVocabularySize = 2'000'000;

/// Reads `tokenizer.json`, as `Tokenizer.save` of `tokenizers` writes it. Throws `DataError` where it is not a BERT
/// tokenizer: a WordPiece model, a BertNormalizer, a BertPreTokenizer, and BERT's places for the special tokens.
WordPieceFiles read_tokenizer_json(const std::filesystem::path& file);

/// Applies the files that transformers keeps beside `vocab.txt`, with its precedence: `tokenizer_config.json`; then,
/// unless that has `added_tokens_decoder`, `special_tokens_map.json` and `added_tokens.json`. Files that are absent
/// change nothing. Throws `DataError` where `tokenizer_class` is not BERT's.
void apply_files_beside_lines(const std::filesystem::path& folder, WordPieceFiles& files);

/// Applies the files beside `tokenizer.json`: the keys of `tokenizer_config.json` that change the normalization. What
/// they say otherwise and `tokenizer.json` does not is a warning.
void apply_files_beside_json(const std::filesystem::path& folder, WordPieceFiles& files);

/// Warns where lower-casing and vocabulary do not fit each other: tokens with capitals that lower-cased text never
/// gives, or capitals in the text that the vocabulary does not know.
void check_case(WordPieceFiles& files);

}  // namespace tunescope
