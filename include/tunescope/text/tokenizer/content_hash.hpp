#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "tunescope/text/tokenizer/added_token_matcher.hpp"

namespace tunescope {

/// Collects what bears on a tokenizer's ids, so that different tokenizers never give the same bytes.
class ContentHash {
 public:
  void add_text(std::string_view text) { content_.append(std::to_string(text.size())).append(":").append(text); }
  void add_number(std::size_t number) { content_.append(std::to_string(number)).append(";"); }
  void add_texts(const std::vector<std::string>& texts);
  /// Tokens with ids, in the order of their content.
  void add_tokens(std::vector<AddedToken> tokens);

  /// The SHA-256 of it all, in hexadecimal digits.
  std::string sha256() const;

 private:
  std::string content_;
};

}  // namespace tunescope
