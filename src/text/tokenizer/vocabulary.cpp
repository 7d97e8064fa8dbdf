#include "tunescope/text/tokenizer/vocabulary.hpp"

#include <utility>

#include "tunescope/base/error.hpp"
#include "tunescope/text/utf8.hpp"

namespace tunescope {

Vocabulary::Vocabulary(std::vector<std::string> tokens) : tokens_(std::move(tokens)) {
  ids_.reserve(tokens_.size());
  for (std::size_t index = 0; index < tokens_.size(); ++index) {
    const std::string_view token = tokens_[index];
    if (token.empty()) continue;
    if (utf8::find_invalid(token) != token.size()) {
      throw DataError("vocabulary: the token with id " + std::to_string(index) +
                      " is not UTF-8: convert the vocabulary to UTF-8");
    }
    const auto [first, is_new] = ids_.emplace(token, static_cast<std::int32_t>(index));
    if (!is_new) {
      throw DataError("vocabulary: token '" + std::string(token) + "' has the ids " + std::to_string(first->second) +
                      " and " + std::to_string(index) + ": remove one, every token must be unique");
    }
  }
  if (ids_.empty()) throw DataError("vocabulary: it has no token: give the vocabulary the model was trained with");
}

std::optional<std::int32_t> Vocabulary::find(std::string_view token) const {
  const auto found = ids_.find(token);
  if (found == ids_.end()) return std::nullopt;
  return found->second;
}

}  // namespace tunescope
