#include "tunescope/text/tokenizer/tokenizer_files.hpp"

#include <algorithm>
#include <array>

#include "tunescope/text/tokenizer/vocabulary.hpp"

namespace tunescope {
namespace {

constexpr std::array<std::string_view, 2> kClassesOfEveryKind = {"PreTrainedTokenizerFast", "TokenizersBackend"};

}  // namespace

std::optional<JsonObject> read_if_there(const std::filesystem::path& file) {
  if (!std::filesystem::exists(file)) return std::nullopt;
  return JsonObject::read(file);
}

std::vector<std::string> read_vocabulary_map(const JsonObject& vocabulary) {
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

std::optional<std::string> other_tokenizer_class(const JsonObject& config, std::span<const std::string_view> known) {
  if (!config.has("tokenizer_class")) return std::nullopt;
  std::string name = config.text("tokenizer_class");
  const auto is_among = [&](std::span<const std::string_view> names) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  if (is_among(known) || is_among(kClassesOfEveryKind)) return std::nullopt;
  return name;
}

void warn_of_unread_keys(const JsonObject& config, FolderNotes& notes) {
  if (config.has("truncation_side") && config.text("truncation_side") != "right") {
    notes.warnings.emplace_back(
        "tokenizer_config.json: truncation_side is not read: texts are truncated at their ends");
  }
}

void warn_of_forgotten_tokens(const std::filesystem::path& folder, const std::vector<std::string>& vocabulary,
                              const std::vector<AddedToken>& added, FolderNotes& notes) {
  const std::optional<JsonObject> file = read_if_there(folder / "added_tokens.json");
  if (!file) return;
  const auto is_known = [&](const std::string& token) {
    return std::find(vocabulary.begin(), vocabulary.end(), token) != vocabulary.end() ||
           std::any_of(added.begin(), added.end(), [&](const AddedToken& other) { return other.content == token; });
  };
  for (const auto& item : file->value().items()) {
    if (is_known(item.key())) continue;
    notes.warnings.push_back("added_tokens.json has '" + item.key() +
                             "', which tokenizer.json lacks: it is split like other text; save the tokenizer again "
                             "with transformers");
    return;
  }
}

}  // namespace tunescope
