#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tunescope {

/// A token that is found in the text before it is split into words, as Hugging Face's `AddedToken`.
struct AddedToken {
  std::string content = {};
  std::optional<std::int32_t> id = std::nullopt;  ///< nullopt: its id in the vocabulary, else the next free one
  bool is_normalized = false;                     ///< sought in the normalized text, in its normalized form
  bool is_single_word = false;                    ///< only where no letter, digit, mark or underscore adjoins
  bool strips_left = false;                       ///< takes the white space before it
  bool strips_right = false;                      ///< takes the white space behind it
};

/// Finds added tokens in a text: leftmost first, of those the longest.
class AddedTokenMatcher {
 public:
  /// A part of a text: one added token, or text between two of them (`id` empty).
  struct Segment {
    std::string_view text;
    std::optional<std::int32_t> id;
  };

  /// The tokens to find; every one must have its id and a content that is not empty.
  explicit AddedTokenMatcher(std::vector<AddedToken> tokens);

  /// True where there is nothing to find.
  bool empty() const { return tokens_.empty(); }

  /// Calls `visit(Segment)` for the parts of a text in order; the text must be valid UTF-8.
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
    std::size_t begin = 0;       ///< with the white space that the token strips
    std::size_t end = 0;         ///< likewise
    std::size_t search_end = 0;  ///< end of the content, where the search goes on
  };

  Match find(std::string_view text, std::size_t search_begin, std::size_t done) const;
  const AddedToken* longest_at(std::string_view text, std::size_t position) const;

  std::vector<AddedToken> tokens_;
  std::bitset<256> first_bytes_;
};

}  // namespace tunescope
