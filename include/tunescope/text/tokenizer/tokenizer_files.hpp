#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tunescope/io/folder_notes.hpp"
#include "tunescope/text/json_object.hpp"
#include "tunescope/text/tokenizer/added_token_matcher.hpp"

// What the files of a tokenizer say in the same way for every kind.
namespace tunescope {

/// The file, or nothing if it is not there. Throws `DataError` as `JsonObject::read` does.
std::optional<JsonObject> read_if_there(const std::filesystem::path& file);

/// The tokens of a `tokenizer.json`, in the order of their ids. An empty string is an id without a token. Throws
/// `DataError` if two tokens have one id, or an id is too large. `vocabulary` maps tokens to ids.
std::vector<std::string> read_vocabulary_map(const JsonObject& vocabulary);

/// `added_tokens` of a `tokenizer.json`. Throws `DataError` naming what is missing or wrong.
std::vector<AddedToken> read_added_tokens(const JsonObject& file);

/// The tokens that the files beside a vocabulary declare.
struct DeclaredTokens {
  std::map<std::string, AddedToken> special = {};  ///< by key, such as "unk_token"
  std::vector<AddedToken> added = {};

  /// The content of a special token; empty if none is declared.
  std::string name(const std::string& key) const;
  /// The added tokens and behind them the special ones, in the order in which transformers gives them new ids.
  std::vector<AddedToken> all() const;
};

/// Reads the tokens with the precedence of transformers: `tokenizer_config.json`; then, unless that has
/// `added_tokens_decoder`, `special_tokens_map.json` and `added_tokens.json`. `tokens` holds what counts where these
/// files name nothing; missing files change nothing.
void read_declared_tokens(const std::filesystem::path& folder, DeclaredTokens& tokens, FolderNotes& notes);

/// The `tokenizer_class` of a `tokenizer_config.json`, unless it is one of `known`, which split text as this kind does,
/// or a name that transformers gives to every kind.
std::optional<std::string> other_tokenizer_class(const JsonObject& config, std::span<const std::string_view> known);

/// Warns of keys of `tokenizer_config.json` that are not read.
void warn_of_unread_keys(const JsonObject& config, FolderNotes& notes);

/// Warns of the first token of `added_tokens.json` that is not among `tokens`, those of a `tokenizer.json`.
void warn_of_forgotten_tokens(const std::filesystem::path& folder, const std::vector<std::string>& vocabulary,
                              const std::vector<AddedToken>& added, FolderNotes& notes);

}  // namespace tunescope
