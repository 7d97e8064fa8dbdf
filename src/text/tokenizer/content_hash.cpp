#include "tunescope/text/tokenizer/content_hash.hpp"

#include <algorithm>

#include "tunescope/base/hash.hpp"

namespace tunescope {

void ContentHash::add_texts(const std::vector<std::string>& texts) {
  add_number(texts.size());
  for (const std::string& text : texts) add_text(text);
}

void ContentHash::add_tokens(std::vector<AddedToken> tokens) {
  std::sort(tokens.begin(), tokens.end(),
            [](const AddedToken& left, const AddedToken& right) { return left.content < right.content; });
  for (const AddedToken& token : tokens) {
    add_text(token.content);
    add_number(static_cast<std::size_t>(token.id.value_or(0)));
    for (const bool flag : {token.is_normalized, token.is_single_word, token.strips_left, token.strips_right}) {
      add_number(flag ? 1 : 0);
    }
  }
}

std::string ContentHash::sha256() const { return sha256_hex(content_); }

}  // namespace tunescope
