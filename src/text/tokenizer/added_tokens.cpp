#include "tunescope/text/tokenizer/added_tokens.hpp"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "tunescope/base/error.hpp"

namespace tunescope {
namespace {

std::vector<AddedToken> without_repetitions(const std::vector<AddedToken>& tokens) {
  std::vector<AddedToken> kept;
  std::unordered_set<std::string_view> contents;
  for (const AddedToken& token : tokens) {
    if (!token.content.empty() && contents.insert(token.content).second) kept.push_back(token);
  }
  return kept;
}

std::vector<AddedToken> with_ids(std::vector<AddedToken> tokens, const Vocabulary& vocabulary) {
  auto next_id = static_cast<std::int32_t>(vocabulary.size());
  for (AddedToken& token : tokens) {
    const std::optional<std::int32_t> known = vocabulary.find(token.content);
    if (known.has_value() && token.id.value_or(*known) != *known) {
      throw DataError("added token '" + token.content + "' has id " + std::to_string(*token.id) +
                      ", but the vocabulary gives it id " + std::to_string(*known) + ": make them agree");
    }
    if (!known.has_value() && token.id.has_value() && static_cast<std::size_t>(*token.id) < vocabulary.size() &&
        !vocabulary.tokens()[static_cast<std::size_t>(*token.id)].empty()) {
      throw DataError("added token '" + token.content + "' has id " + std::to_string(*token.id) +
                      ", which belongs to the token '" + vocabulary.tokens()[static_cast<std::size_t>(*token.id)] +
                      "': give every token its own id");
    }
    if (known.has_value()) token.id = known;
    if (!token.id.has_value()) token.id = next_id;
    next_id = std::max(next_id, *token.id + 1);
  }
  return tokens;
}

std::vector<AddedToken> select_literal(std::vector<AddedToken> tokens) {
  std::erase_if(tokens, [](const AddedToken& token) { return token.is_normalized; });
  return tokens;
}

std::vector<AddedToken> select_normalized(std::vector<AddedToken> tokens,
                                          const std::function<std::string(const std::string&)>& normalize) {
  std::erase_if(tokens, [](const AddedToken& token) { return !token.is_normalized; });
  for (AddedToken& token : tokens) token.content = normalize(token.content);
  std::erase_if(tokens, [](const AddedToken& token) { return token.content.empty(); });
  return tokens;
}

}  // namespace

AddedTokens::AddedTokens(const std::vector<AddedToken>& tokens, const Vocabulary& vocabulary,
                         const std::function<std::string(const std::string&)>& normalize)
    : tokens_(with_ids(without_repetitions(tokens), vocabulary)),
      literal_(select_literal(tokens_)),
      normalized_(select_normalized(tokens_, normalize)) {}

std::size_t AddedTokens::end_of_ids() const {
  std::int32_t end = 0;
  for (const AddedToken& token : tokens_) end = std::max(end, *token.id + 1);
  return static_cast<std::size_t>(end);
}

}  // namespace tunescope
