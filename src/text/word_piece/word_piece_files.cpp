#include "tunescope/text/word_piece/word_piece_files.hpp"

#include <fstream>
#include <unordered_map>
#include <utility>

#include "tunescope/base/error.hpp"
#include "tunescope/io/hub_folder.hpp"
#include "tunescope/text/tokenizer/character_classes.hpp"
#include "tunescope/text/utf8.hpp"

namespace tunescope {
namespace {

/// `tokenizers` trims the lines of a vocabulary by Unicode's White_Space.
std::string_view trim_right(std::string_view line) {
  std::size_t end = 0;
  for (std::size_t position = 0; position < line.size();) {
    if (!character_classes::is_white_space(utf8::decode_next(line, position))) end = position;
  }
  return line.substr(0, end);
}

/// Of two equal tokens, keeps the later one. The id of the earlier one is left without a token.
void keep_later(std::vector<std::string>& tokens, FolderNotes& notes) {
  std::unordered_map<std::string, std::size_t> lines;
  std::string example;
  std::size_t repeated = 0;
  for (std::size_t index = 0; index < tokens.size(); ++index) {
    if (tokens[index].empty()) continue;
    const auto [earlier, is_new] = lines.emplace(tokens[index], index);
    if (is_new) continue;
    if (repeated++ == 0) {
      example = "'" + tokens[index] + "' in the lines " + std::to_string(earlier->second + 1) + " and " +
                std::to_string(index + 1);
    }
    tokens[earlier->second].clear();
    earlier->second = index;
  }
  if (repeated == 0) return;
  notes.warnings.push_back("vocab.txt: " + std::to_string(repeated) + " token(s) occur twice, such as " + example +
                           "; the later id counts, as in transformers");
}

}  // namespace

WordPieceFiles read_vocabulary_lines(const std::filesystem::path& file) {
  if (const std::string problem = git_lfs_problem(file); !problem.empty()) throw DataError(problem);
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw DataError(file.string() + " cannot be read: check that it exists and its permissions");
  WordPieceFiles files;
  std::vector<std::string>& tokens = files.vocabulary;
  std::string line;
  while (std::getline(stream, line)) {
    if (utf8::find_invalid(line) != line.size()) {
      throw DataError(file.string() + ":" + std::to_string(tokens.size() + 1) +
                      ": the line is not UTF-8: fetch the file again or convert it");
    }
    tokens.emplace_back(trim_right(line));
  }
  while (!tokens.empty() && tokens.back().empty()) tokens.pop_back();
  if (tokens.empty()) throw DataError(file.string() + " has no token: fetch the file again");
  keep_later(tokens, files.notes);
  return files;
}

std::unique_ptr<Tokenizer> read_word_piece(const std::filesystem::path& folder, const JsonObject* tokenizer_json) {
  WordPieceFiles files =
      tokenizer_json != nullptr ? read_tokenizer_json(*tokenizer_json) : read_vocabulary_lines(folder / "vocab.txt");
  tokenizer_json != nullptr ? apply_files_beside_json(folder, files) : apply_files_beside_lines(folder, files);
  check_case(files);
  auto tokenizer = std::make_unique<WordPiece>(std::move(files.vocabulary), std::move(files.options));
  tokenizer->add_notes(files.notes);
  return tokenizer;
}

}  // namespace tunescope
