#include "tunescope/text/tokenizer/added_token_matcher.hpp"

#include <algorithm>
#include <utility>

#include "tunescope/text/tokenizer/character_classes.hpp"
#include "tunescope/text/utf8.hpp"

namespace tunescope {
namespace {

std::size_t previous_code_point(std::string_view text, std::size_t position) {
  do {
    --position;
  } while (position > 0 && (static_cast<unsigned char>(text[position]) & 0xC0U) == 0x80U);
  return position;
}

char32_t code_point_at(std::string_view text, std::size_t position) { return utf8::decode_next(text, position); }

bool stands_alone(std::string_view text, std::size_t begin, std::size_t end) {
  const bool joins_left =
      begin > 0 && character_classes::is_word_character(code_point_at(text, previous_code_point(text, begin)));
  const bool joins_right = end < text.size() && character_classes::is_word_character(code_point_at(text, end));
  return !joins_left && !joins_right;
}

std::size_t skip_white_space_left(std::string_view text, std::size_t position, std::size_t limit) {
  while (position > limit) {
    const std::size_t previous = previous_code_point(text, position);
    if (!character_classes::is_white_space(code_point_at(text, previous))) break;
    position = previous;
  }
  return position;
}

std::size_t skip_white_space_right(std::string_view text, std::size_t position) {
  while (position < text.size()) {
    std::size_t next = position;
    if (!character_classes::is_white_space(utf8::decode_next(text, next))) break;
    position = next;
  }
  return position;
}

}  // namespace

AddedTokenMatcher::AddedTokenMatcher(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)) {
  std::stable_sort(tokens_.begin(), tokens_.end(), [](const AddedToken& left, const AddedToken& right) {
    return left.content.size() > right.content.size();
  });
  for (const AddedToken& token : tokens_) first_bytes_.set(static_cast<unsigned char>(token.content.front()));
}

const AddedToken* AddedTokenMatcher::longest_at(std::string_view text, std::size_t position) const {
  const std::string_view rest = text.substr(position);
  const auto found = std::find_if(tokens_.begin(), tokens_.end(),
                                  [&](const AddedToken& token) { return rest.starts_with(token.content); });
  return found == tokens_.end() ? nullptr : &*found;
}

AddedTokenMatcher::Match AddedTokenMatcher::find(std::string_view text, std::size_t search_begin,
                                                 std::size_t done) const {
  std::size_t position = search_begin;
  while (position < text.size()) {
    if (!first_bytes_[static_cast<unsigned char>(text[position])]) {
      ++position;
      continue;
    }
    const AddedToken* token = longest_at(text, position);
    if (token == nullptr) {
      ++position;
      continue;
    }
    const std::size_t end = position + token->content.size();
    if (token->is_single_word && !stands_alone(text, position, end)) {
      position = end;
      continue;
    }
    const std::size_t begin = token->strips_left ? skip_white_space_left(text, position, done) : position;
    return {token, begin, token->strips_right ? skip_white_space_right(text, end) : end, end};
  }
  return {};
}

}  // namespace tunescope
