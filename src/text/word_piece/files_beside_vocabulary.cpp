#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <string_view>
#include <utility>

#include "tunescope/base/error.hpp"
#include "tunescope/text/json_object.hpp"
#include "tunescope/text/word_piece/word_piece_files.hpp"

namespace tunescope {
namespace {

constexpr const char* kConfig = "tokenizer_config.json";
constexpr const char* kNames = "special_tokens_map.json";
constexpr const char* kAdded = "added_tokens.json";

// Tokenizer classes that split text as BERT's does. PreTrainedTokenizerFast, and its later name, split it as
// tokenizer.json says.
constexpr std::array<std::string_view, 14> kBertClasses = {"BertTokenizer",
                                                           "BertTokenizerFast",
                                                           "PreTrainedTokenizerFast",
                                                           "TokenizersBackend",
                                                           "DistilBertTokenizer",
                                                           "DistilBertTokenizerFast",
                                                           "ElectraTokenizer",
                                                           "ElectraTokenizerFast",
                                                           "MobileBertTokenizer",
                                                           "MobileBertTokenizerFast",
                                                           "ConvBertTokenizer",
                                                           "ConvBertTokenizerFast",
                                                           "DPRContextEncoderTokenizer",
                                                           "DPRQuestionEncoderTokenizer"};

std::optional<JsonObject> read_if_there(const std::filesystem::path& file) {
  if (!std::filesystem::exists(file)) return std::nullopt;
  return JsonObject::read(file);
}

void apply_normalizer(const JsonObject& config, WordPieceOptions& options) {
  if (config.names("do_lower_case")) options.lowercase = config.boolean("do_lower_case");
  if (config.names("strip_accents")) options.strip_accents = config.optional_boolean("strip_accents");
  if (config.names("tokenize_chinese_chars")) {
    options.tokenize_chinese_chars = config.boolean("tokenize_chinese_chars");
  }
}

std::string token_content(const JsonObject& config, const std::string& key) {
  return config.value().at(key).is_object() ? config.object(key).text("content") : config.text(key);
}

void apply_names(const JsonObject& config, WordPieceOptions& options) {
  const std::pair<const char*, std::string*> names[] = {{"unk_token", &options.unknown_token},
                                                        {"cls_token", &options.class_token},
                                                        {"sep_token", &options.separator_token},
                                                        {"pad_token", &options.pad_token},
                                                        {"mask_token", &options.mask_token}};
  for (const auto& [key, token] : names) {
    if (config.has(key)) *token = token_content(config, key);
  }
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

void add_decoder(const JsonObject& added, WordPieceOptions& options) {
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

// The tokens of a list whose elements are strings or objects with the key "content".
std::vector<std::string> token_list(const JsonObject& names, const std::string& key) {
  std::vector<std::string> tokens;
  if (!names.has(key)) return tokens;
  const nlohmann::json& list = names.value().at(key);
  if (!list.is_array()) names.fail(key, std::string("is ") + list.type_name() + " where an array is expected");
  for (const nlohmann::json& token : list) {
    const nlohmann::json& content = token.is_object() ? token.value("content", nlohmann::json()) : token;
    if (!content.is_string()) names.fail(key, "has an entry that is no token");
    tokens.push_back(content.get<std::string>());
  }
  return tokens;
}

bool is_named(const WordPieceOptions& options, const std::string& token) {
  return token == options.unknown_token || token == options.class_token || token == options.separator_token ||
         token == options.pad_token || token == options.mask_token;
}

// Adds the tokens of added_tokens.json, which maps tokens to ids. A token that special_tokens_map.json names is matched
// before normalization.
void add_by_token(const JsonObject& added, const std::vector<std::string>& extra, WordPieceOptions& options) {
  for (const auto& item : added.value().items()) {
    const std::size_t id = added.number(item.key());
    if (id >= kMaxVocabularySize) added.fail(item.key(), "has an id that is too large");
    const bool is_special =
        is_named(options, item.key()) || std::find(extra.begin(), extra.end(), item.key()) != extra.end();
    options.added_tokens.push_back(
        {.content = item.key(), .id = static_cast<std::int32_t>(id), .is_normalized = !is_special});
  }
}

// The class that a configuration names, if it may split text in another way than BERT's.
std::optional<std::string> other_class(const JsonObject& config) {
  if (!config.has("tokenizer_class")) return std::nullopt;
  std::string name = config.text("tokenizer_class");
  if (std::find(kBertClasses.begin(), kBertClasses.end(), name) != kBertClasses.end()) return std::nullopt;
  return name;
}

void warn_of_truncation(const JsonObject& config, FolderNotes& notes) {
  if (config.has("truncation_side") && config.text("truncation_side") != "right") {
    notes.warnings.emplace_back(
        "tokenizer_config.json: truncation_side is not read: texts are truncated at their ends");
  }
}

bool is_known(const WordPieceFiles& files, const std::string& token) {
  const auto& added = files.options.added_tokens;
  return std::find(files.vocabulary.begin(), files.vocabulary.end(), token) != files.vocabulary.end() ||
         std::any_of(added.begin(), added.end(), [&](const AddedToken& other) { return other.content == token; });
}

}  // namespace

void apply_files_beside_lines(const std::filesystem::path& folder, WordPieceFiles& files) {
  WordPieceOptions& options = files.options;
  const std::optional<JsonObject> config = read_if_there(folder / kConfig);
  if (config) {
    if (const auto name = other_class(*config)) {
      config->fail("tokenizer_class", "is '" + *name +
                                          "', which may split text in another way than BertTokenizer, the one that is "
                                          "supported: if the model was trained with that, write BertTokenizer there");
    }
    warn_of_truncation(*config, files.notes);
    apply_normalizer(*config, options);
    apply_names(*config, options);
    if (config->has("added_tokens_decoder")) return add_decoder(config->object("added_tokens_decoder"), options);
    if (!token_list(*config, "additional_special_tokens").empty()) {
      files.notes.warnings.emplace_back(
          "tokenizer_config.json: additional_special_tokens are split like other text; to keep them whole put them "
          "into "
          "special_tokens_map.json");
    }
  }
  const std::optional<JsonObject> names = read_if_there(folder / kNames);
  if (names) apply_names(*names, options);
  const auto extra = [&](const char* key) { return names ? token_list(*names, key) : std::vector<std::string>(); };
  if (const auto added = read_if_there(folder / kAdded)) add_by_token(*added, extra("extra_special_tokens"), options);
  for (const char* key : {"extra_special_tokens", "additional_special_tokens"}) {
    for (const std::string& token : extra(key)) options.added_tokens.push_back({.content = token});
  }
}

void apply_files_beside_json(const std::filesystem::path& folder, WordPieceFiles& files) {
  if (const auto config = read_if_there(folder / kConfig)) {
    if (const auto name = other_class(*config)) {
      files.notes.warnings.push_back("tokenizer_config.json: tokenizer_class is '" + *name +
                                     "', but tokenizer.json describes BERT's tokenizer, which is used");
    }
    warn_of_truncation(*config, files.notes);
    apply_normalizer(*config, files.options);
  }
  const std::optional<JsonObject> added = read_if_there(folder / kAdded);
  if (!added) return;
  for (const auto& item : added->value().items()) {
    if (is_known(files, item.key())) continue;
    files.notes.warnings.push_back("added_tokens.json has '" + item.key() +
                                   "', which tokenizer.json lacks: it is split like other text; save the tokenizer "
                                   "again with transformers");
    return;
  }
}

}  // namespace tunescope
