#include "tunescope/text/word_piece_files.hpp"

#include <charconv>
#include <fstream>
#include <unordered_map>
#include <utility>

#include "tunescope/error.hpp"
#include "tunescope/text/bert_unicode.hpp"
#include "tunescope/text/json_object.hpp"
#include "tunescope/text/utf8.hpp"

namespace tunescope {
namespace {

/// `tokenizers` trims the lines of a vocabulary by Unicode's White_Space.
std::string_view trim_right(std::string_view line) {
  std::size_t end = 0;
  for (std::size_t position = 0; position < line.size();) {
    if (!bert_unicode::is_white_space(utf8::decode_next(line, position))) end = position;
  }
  return line.substr(0, end);
}

void throw_if_repeated(const std::filesystem::path& file, const std::vector<std::string>& tokens) {
  std::unordered_map<std::string_view, std::size_t> first_lines;
  for (std::size_t index = 0; index < tokens.size(); ++index) {
    if (tokens[index].empty()) continue;
    const auto [first, is_new] = first_lines.emplace(tokens[index], index + 1);
    if (is_new) continue;
    throw DataError(file.string() + ":" + std::to_string(index + 1) + ": token '" + tokens[index] +
                    "' stands already in line " + std::to_string(first->second) +
                    ": fetch the file again, every token must be unique");
  }
}

std::string token_content(const JsonObject& config, const std::string& key) {
  return config.value().at(key).is_object() ? config.object(key).text("content") : config.text(key);
}

std::int32_t parse_id(const JsonObject& config, const std::string& text) {
  std::int32_t id = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size() || id < 0) {
    config.fail(text, "is no token id: expected a whole number from 0");
  }
  if (static_cast<std::size_t>(id) >= kMaxVocabularySize) config.fail(text, "is a token id that is too large");
  return id;
}

WordPiece load_from_json(const std::filesystem::path& folder) {
  WordPieceFiles files = read_tokenizer_json(folder / "tokenizer.json");
  const std::filesystem::path config = folder / "tokenizer_config.json";
  if (std::filesystem::exists(config)) apply_normalizer_config(config, files.options);
  return {std::move(files.vocabulary), std::move(files.options)};
}

WordPiece load_from_lines(const std::filesystem::path& folder) {
  WordPieceFiles files{read_vocabulary_lines(folder / "vocab.txt"), {}};
  const std::filesystem::path config = folder / "tokenizer_config.json";
  if (std::filesystem::exists(config)) {
    apply_normalizer_config(config, files.options);
    apply_token_config(config, files.options);
  }
  return {std::move(files.vocabulary), std::move(files.options)};
}

}  // namespace

std::vector<std::string> read_vocabulary_lines(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw DataError(file.string() + " cannot be read: check that it exists and its permissions");
  std::vector<std::string> tokens;
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
  throw_if_repeated(file, tokens);
  return tokens;
}

void apply_normalizer_config(const std::filesystem::path& file, WordPieceOptions& options) {
  const JsonObject config = JsonObject::read(file);
  if (config.names("do_lower_case")) options.lowercase = config.boolean("do_lower_case");
  if (config.names("strip_accents")) options.strip_accents = config.optional_boolean("strip_accents");
  if (config.names("tokenize_chinese_chars")) {
    options.tokenize_chinese_chars = config.boolean("tokenize_chinese_chars");
  }
}

void apply_token_config(const std::filesystem::path& file, WordPieceOptions& options) {
  const JsonObject config = JsonObject::read(file);
  const std::pair<const char*, std::string*> names[] = {{"unk_token", &options.unknown_token},
                                                        {"cls_token", &options.class_token},
                                                        {"sep_token", &options.separator_token},
                                                        {"pad_token", &options.pad_token},
                                                        {"mask_token", &options.mask_token}};
  for (const auto& [key, token] : names) {
    if (config.has(key)) *token = token_content(config, key);
  }
  if (!config.has("added_tokens_decoder")) return;
  const JsonObject added = config.object("added_tokens_decoder");
  for (const auto& item : added.value().items()) {
    const JsonObject token = added.object(item.key());
    const auto flag = [&](const char* key, bool fallback) { return token.has(key) ? token.boolean(key) : fallback; };
    options.added_tokens.push_back({.content = token.text("content"),
                                    .id = parse_id(added, item.key()),
                                    .is_normalized = flag("normalized", !flag("special", false)),
                                    .is_single_word = flag("single_word", false),
                                    .strips_left = flag("lstrip", false),
                                    .strips_right = flag("rstrip", false)});
  }
}

WordPiece WordPiece::from_folder(const std::filesystem::path& folder) {
  const bool has_json = std::filesystem::exists(folder / "tokenizer.json");
  if (!has_json && !std::filesystem::exists(folder / "vocab.txt")) {
    throw DataError(folder.string() +
                    " has neither tokenizer.json nor vocab.txt: give the folder of a BERT model with one of them");
  }
  try {
    return has_json ? load_from_json(folder) : load_from_lines(folder);
  } catch (const DataError& error) {
    const std::string message = error.what();
    if (message.starts_with(folder.string())) throw;
    throw DataError((folder / (has_json ? "tokenizer.json" : "vocab.txt")).string() + ": " + message);
  }
}

}  // namespace tunescope
