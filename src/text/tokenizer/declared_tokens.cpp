#include <algorithm>
#include <array>
#include <optional>

#include "tunescope/base/number.hpp"
#include "tunescope/text/tokenizer/tokenizer_files.hpp"
#include "tunescope/text/tokenizer/vocabulary.hpp"

namespace tunescope {
namespace {

constexpr std::array<const char*, 7> kSpecialKeys = {"bos_token", "eos_token", "unk_token", "sep_token",
                                                     "pad_token", "cls_token", "mask_token"};

AddedToken read_token(const JsonObject& token) {
  const auto flag = [&](const char* key, bool fallback) { return token.has(key) ? token.boolean(key) : fallback; };
  return {.content = token.text("content"),
          .is_normalized = flag("normalized", !flag("special", false)),
          .is_single_word = flag("single_word", false),
          .strips_left = flag("lstrip", false),
          .strips_right = flag("rstrip", false)};
}

// A special token is matched before normalization unless its own entry says otherwise.
void read_special(const JsonObject& config, DeclaredTokens& tokens) {
  for (const char* key : kSpecialKeys) {
    if (!config.has(key)) continue;
    if (!config.value().at(key).is_object()) {
      tokens.special[key] = {.content = config.text(key)};
      continue;
    }
    const JsonObject entry = config.object(key);
    AddedToken token = read_token(entry);
    token.is_normalized = entry.has("normalized") && token.is_normalized;
    tokens.special[key] = std::move(token);
  }
}

std::int32_t parse_id(const JsonObject& config, const std::string& text) {
  const std::optional<std::int32_t> id = to_number<std::int32_t>(text);
  if (!id || *id < 0) config.fail(text, "is no token id: expected a whole number from 0");
  if (static_cast<std::size_t>(*id) >= kMaxVocabularySize) config.fail(text, "is a token id that is too large");
  return *id;
}

void add_decoder(const JsonObject& decoder, DeclaredTokens& tokens) {
  for (const auto& item : decoder.value().items()) {
    AddedToken token = read_token(decoder.object(item.key()));
    token.id = parse_id(decoder, item.key());
    tokens.added.push_back(std::move(token));
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

// Adds the tokens of added_tokens.json, which maps tokens to ids. A token that special_tokens_map.json names is matched
// before normalization.
void add_by_token(const JsonObject& added, const std::vector<std::string>& extra, DeclaredTokens& tokens) {
  for (const auto& item : added.value().items()) {
    const std::size_t id = added.number(item.key());
    if (id >= kMaxVocabularySize) added.fail(item.key(), "has an id that is too large");
    const auto& special = tokens.special;
    const bool is_special =
        std::any_of(special.begin(), special.end(), [&](const auto& t) { return t.second.content == item.key(); }) ||
        std::find(extra.begin(), extra.end(), item.key()) != extra.end();
    tokens.added.push_back({.content = item.key(), .id = static_cast<std::int32_t>(id), .is_normalized = !is_special});
  }
}

}  // namespace

std::string DeclaredTokens::name(const std::string& key) const {
  const auto found = special.find(key);
  return found == special.end() ? "" : found->second.content;
}

std::vector<AddedToken> DeclaredTokens::all() const {
  std::vector<AddedToken> tokens = added;
  for (const char* key : kSpecialKeys) {
    if (const auto found = special.find(key); found != special.end()) tokens.push_back(found->second);
  }
  return tokens;
}

void read_declared_tokens(const std::filesystem::path& folder, DeclaredTokens& tokens, FolderNotes& notes) {
  if (const auto config = read_if_there(folder / "tokenizer_config.json")) {
    read_special(*config, tokens);
    if (config->has("added_tokens_decoder")) return add_decoder(config->object("added_tokens_decoder"), tokens);
    if (!token_list(*config, "additional_special_tokens").empty()) {
      notes.warnings.emplace_back(
          "tokenizer_config.json: additional_special_tokens are split like other text; to keep them whole put them "
          "into special_tokens_map.json");
    }
  }
  const std::optional<JsonObject> names = read_if_there(folder / "special_tokens_map.json");
  if (names) read_special(*names, tokens);
  const auto extra = [&](const char* key) { return names ? token_list(*names, key) : std::vector<std::string>(); };
  if (const auto added = read_if_there(folder / "added_tokens.json")) {
    add_by_token(*added, extra("extra_special_tokens"), tokens);
  }
  for (const char* key : {"extra_special_tokens", "additional_special_tokens"}) {
    for (const std::string& token : extra(key)) tokens.added.push_back({.content = token});
  }
}

}  // namespace tunescope
