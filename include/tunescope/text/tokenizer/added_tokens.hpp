#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tunescope/text/tokenizer/added_token_matcher.hpp"
#include "tunescope/text/tokenizer/vocabulary.hpp"

namespace tunescope {

/// The added tokens of a tokenizer, each with its id.
class AddedTokens {
 public:
  /// Of tokens with the same content the first counts; those without any are left out. A token that the vocabulary
  /// lacks and that names no id gets the next id after those before it. `normalize` is what the tokenizer does to text
  /// before it searches tokens with `is_normalized`. Throws `DataError` if ids contradict each other.
  AddedTokens(const std::vector<AddedToken>& tokens, const Vocabulary& vocabulary,
              const std::function<std::string(const std::string&)>& normalize);

  const std::vector<AddedToken>& all() const { return tokens_; }
  /// Those that are searched in the raw text.
  const AddedTokenMatcher& literal() const { return literal_; }
  /// Those that are searched in the normalized text.
  const AddedTokenMatcher& normalized() const { return normalized_; }
  /// The largest id + 1 of these tokens; 0 if there are none.
  std::size_t end_of_ids() const;

 private:
  std::vector<AddedToken> tokens_;
  AddedTokenMatcher literal_;
  AddedTokenMatcher normalized_;
};

}  // namespace tunescope
