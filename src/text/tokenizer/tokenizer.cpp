#include "tunescope/text/tokenizer/tokenizer.hpp"

#include <algorithm>
#include <utility>

#include "tunescope/base/error.hpp"

namespace tunescope {

Tokenizer::Tokenizer(Vocabulary&& vocabulary, const std::vector<AddedToken>& added_tokens,
                     const std::function<std::string(const std::string&)>& normalize, const SequenceTemplate& sequence)
    : vocabulary_(std::move(vocabulary)),
      added_tokens_(added_tokens, vocabulary_, normalize),
      sequences_(sequence, [this](const std::string& token) { return find(token); }) {}

std::optional<std::int32_t> Tokenizer::find(std::string_view token) const {
  if (const std::optional<std::int32_t> id = vocabulary_.find(token)) return id;
  const auto& added = added_tokens_.all();
  const auto found = std::find_if(added.begin(), added.end(), [&](const AddedToken& t) { return t.content == token; });
  return found == added.end() ? std::nullopt : found->id;
}

std::size_t Tokenizer::vocabulary_size() const { return std::max(vocabulary_.size(), added_tokens_.end_of_ids()); }

std::string_view Tokenizer::token(std::int32_t id) const {
  const auto index = static_cast<std::size_t>(id);
  if (id < 0 || index >= vocabulary_size()) {
    throw DataError("token id " + std::to_string(id) + " is outside the vocabulary of " +
                    std::to_string(vocabulary_size()) + " tokens: use the vocabulary that made the ids");
  }
  const auto& added = added_tokens_.all();
  const auto found = std::find_if(added.begin(), added.end(), [&](const AddedToken& token) { return token.id == id; });
  if (found != added.end()) return found->content;
  return index < vocabulary_.size() ? std::string_view(vocabulary_.tokens()[index]) : std::string_view();
}

}  // namespace tunescope
