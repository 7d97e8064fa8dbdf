#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tunescope/text/json_object.hpp"
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

/// Reads `tokenizer.json`, as `Tokenizer.save` of `tokenizers` writes it. Throws `DataError` unless it is a BERT
/// tokenizer: a BertNormalizer, a BertPreTokenizer, and special tokens at BERT's places.
WordPieceFiles read_tokenizer_json(const JsonObject& file);

/// Reads a WordPiece tokenizer from a folder: `tokenizer.json`, if that is given, or `vocab.txt`. The keys
/// `do_lower_case`, `strip_accents` and `tokenize_chinese_chars` of a `tokenizer_config.json` override it, as in
/// transformers. With `vocab.txt`, the special tokens that the other files declare are used too.
std::unique_ptr<Tokenizer> read_word_piece(const std::filesystem::path& folder, const JsonObject* tokenizer_json);

/// Applies the files that transformers keeps next to `vocab.txt` (see `read_declared_tokens`). Throws `DataError` if
/// `tokenizer_class` is not BERT's.
void apply_files_beside_lines(const std::filesystem::path& folder, WordPieceFiles& files);

/// Applies the keys of `tokenizer_config.json` that change the normalization of `tokenizer.json`. Warns about anything
/// else in it that contradicts `tokenizer.json`.
void apply_files_beside_json(const std::filesystem::path& folder, WordPieceFiles& files);

/// Warns if lower-casing and the vocabulary do not fit each other: if the vocabulary has tokens with capitals, which
/// lower-cased text never contains, or if text keeps its capitals and the vocabulary has none.
void check_case(WordPieceFiles& files);

}  // namespace tunescope
