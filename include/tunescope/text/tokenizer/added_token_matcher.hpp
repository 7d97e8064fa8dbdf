#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tunescope {

/// A token that is found in the text before the text is split into words, like Hugging Face's `AddedToken`.
struct AddedToken {
  std::string content = {};
  std::optional<std::int32_t> id = std::nullopt;  ///< nullopt: its id in the vocabulary, else the next free one
  bool is_normalized = false;                     ///< searched in the normalized text, in its normalized form
  bool is_single_word = false;                    ///< matches only if no letter, digit, mark or underscore adjoins
  bool strips_left = false;                       ///< includes the white space before it
  bool strips_right = false;                      ///< includes the white space after it
};

/// Finds added tokens in a text. The leftmost match wins, and of several at one place the longest.
class AddedTokenMatcher {
 public:
  /// A part of a text: one added token, or text between two of them (`id` empty).
  struct Segment {
    std::string_view text;
    std::optional<std::int32_t> id;
  };

  /// `tokens` are the tokens to find. Each must have an id and a non-empty content.
  explicit AddedTokenMatcher(std::vector<AddedToken> tokens);

  /// True if there are no tokens to find.
  bool empty() const { return tokens_.empty(); }

  /// Calls `visit(Segment)` for the parts of a text in order. The text must be valid UTF-8.
  template <typename Visitor>
  void split(std::string_view text, Visitor&& visit) const {
    std::size_t done = 0;
    Match match = find(text, 0, done);
    while (match.token != nullptr) {
      if (done < match.begin) visit(Segment{text.substr(done, match.begin - done), std::nullopt});
      visit(Segment{text.substr(match.begin, match.end - match.begin), match.token->id});
      done = match.end;
      match = find(text, match.search_end, done);
    }
    if (done < text.size()) visit(Segment{text.substr(done), std::nullopt});
  }

 private:
  struct Match {
    const AddedToken* token = nullptr;
    std::size_t begin = 0;       ///< including the white space that the token strips
    std::size_t end = 0;         ///< likewise
    std::size_t search_end = 0;  ///< end of the content, where the search continues
  };

  Match find(std::string_view text, std::size_t search_begin, std::size_t done) const;
  const AddedToken* longest_at(std::string_view text, std::size_t position) const;

  std::vector<AddedToken> tokens_;
  std::bitset<256> first_bytes_;
};

}  // namespace tunescope
