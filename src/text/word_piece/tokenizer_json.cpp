#include <algorithm>
#include <utility>

#include "tunescope/base/error.hpp"
#include "tunescope/text/json_object.hpp"
#include "tunescope/text/word_piece/word_piece_files.hpp"

namespace tunescope {
namespace {

void require_type(const JsonObject& file, const std::string& key, const std::string& expected) {
  if (!file.has(key))
    file.fail(key, "is missing or null where a " + expected + " is expected: only BERT's is supported");
  const std::string found = file.object(key).text("type");
  if (found != expected) {
    file.fail(key + ".type",
              "is '" + found + "' where '" + expected + "' is expected: only BERT tokenizers are supported");
  }
}

/// Files written before tokenizers 0.10 name no type. They are taken for WordPiece if they have a prefix and a limit on
/// word length, which no other type has.
void require_word_piece(const JsonObject& file) {
  const JsonObject model = file.object("model");
  const bool is_untyped =
      !model.has("type") && model.has("continuing_subword_prefix") && model.has("max_input_chars_per_word");
  if (!is_untyped) require_type(file, "model", "WordPiece");
}

std::vector<std::string> read_vocabulary(const JsonObject& model) {
  const JsonObject vocabulary = model.object("vocab");
  std::vector<std::string> tokens;
  for (const auto& item : vocabulary.value().items()) {
    const std::size_t id = vocabulary.number(item.key());
    if (id >= kMaxVocabularySize) vocabulary.fail(item.key(), "has id " + std::to_string(id) + ", which is too large");
    if (id >= tokens.size()) tokens.resize(id + 1);
    if (!tokens[id].empty()) {
      vocabulary.fail(item.key(),
                      "has id " + std::to_string(id) + ", as has '" + tokens[id] + "': every token needs its own");
    }
    tokens[id] = item.key();
  }
  return tokens;
}

std::vector<AddedToken> read_added_tokens(const JsonObject& file) {
  std::vector<AddedToken> tokens;
  if (!file.has("added_tokens")) return tokens;
  for (const JsonObject& token : file.objects("added_tokens")) {
    const std::size_t id = token.number("id");
    if (id >= kMaxVocabularySize) token.fail("id", "is " + std::to_string(id) + ", which is too large");
    tokens.push_back({.content = token.text("content"),
                      .id = static_cast<std::int32_t>(id),
                      .is_normalized = token.boolean("normalized"),
                      .is_single_word = token.boolean("single_word"),
                      .strips_left = token.boolean("lstrip"),
                      .strips_right = token.boolean("rstrip")});
  }
  return tokens;
}

/// The special tokens and texts of a template on one line: `[CLS]:0 $A:0 [SEP]:0`.
std::string describe_template(const JsonObject& processor, const std::string& key) {
  std::string description;
  for (const JsonObject& piece : processor.objects(key)) {
    const bool is_special = piece.has("SpecialToken");
    const JsonObject content = piece.object(is_special ? "SpecialToken" : "Sequence");
    if (!description.empty()) description += ' ';
    description += (is_special ? "" : "$") + content.text("id") + ":" + std::to_string(content.number("type_id"));
  }
  return description;
}

void read_template(const JsonObject& file, WordPieceOptions& options) {
  const JsonObject processor = file.object("post_processor");
  const std::vector<JsonObject> single = processor.objects("single");
  if (single.size() == 3 && single.front().has("SpecialToken") && single.back().has("SpecialToken")) {
    options.class_token = single.front().object("SpecialToken").text("id");
    options.separator_token = single.back().object("SpecialToken").text("id");
  }
  const std::string expected_single = options.class_token + ":0 $A:0 " + options.separator_token + ":0";
  const std::string expected_pair = expected_single + " $B:1 " + options.separator_token + ":1";
  for (const auto& [key, expected] : {std::pair{"single", expected_single}, std::pair{"pair", expected_pair}}) {
    const std::string found = describe_template(processor, key);
    if (found != expected) {
      file.fail(std::string("post_processor.") + key, "is '" + found + "' where '" + expected + "' is expected");
    }
  }
}

void read_special_tokens(const JsonObject& file, WordPieceOptions& options) {
  if (!file.has("post_processor")) return;
  const JsonObject processor = file.object("post_processor");
  const std::string type = processor.text("type");
  if (type == "TemplateProcessing") return read_template(file, options);
  if (type != "BertProcessing") {
    file.fail("post_processor.type", "is '" + type + "' where TemplateProcessing or BertProcessing is expected");
  }
  const auto name = [&](const char* key) {
    const nlohmann::json& pair = processor.value().value(key, nlohmann::json());
    if (!pair.is_array() || pair.empty() || !pair[0].is_string()) {
      file.fail(std::string("post_processor.") + key, "is not a token and its id");
    }
    return pair[0].get<std::string>();
  };
  options.class_token = name("cls");
  options.separator_token = name("sep");
}

}  // namespace

WordPieceFiles read_tokenizer_json(const std::filesystem::path& path) {
  const JsonObject file = JsonObject::read(path);
  require_word_piece(file);
  require_type(file, "normalizer", "BertNormalizer");
  require_type(file, "pre_tokenizer", "BertPreTokenizer");
  const JsonObject model = file.object("model");
  const JsonObject normalizer = file.object("normalizer");
  WordPieceFiles files{read_vocabulary(model), {}};
  WordPieceOptions& options = files.options;
  options.clean_text = normalizer.boolean("clean_text");
  options.tokenize_chinese_chars = normalizer.boolean("handle_chinese_chars");
  options.strip_accents = normalizer.optional_boolean("strip_accents");
  options.lowercase = normalizer.boolean("lowercase");
  options.unknown_token = model.text("unk_token");
  options.continuation_prefix = model.text("continuing_subword_prefix");
  options.max_characters_per_word = model.number("max_input_chars_per_word");
  options.added_tokens = read_added_tokens(file);
  read_special_tokens(file, options);
  return files;
}

}  // namespace tunescope
