#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tunescope/text/tokenizer/sequence_template.hpp"

namespace tunescope {

/// The token ids of one example and, for each, which of its two texts it belongs to (0 or 1).
struct Encoding {
  std::vector<std::int32_t> token_ids;
  std::vector<std::int32_t> type_ids;
};

/// Puts the ids of texts into a template.
class SequenceEncoder {
 public:
  /// `find` gives the id of a token. Throws `DataError` if it has none for a special token of the template.
  SequenceEncoder(const SequenceTemplate& sequence,
                  const std::function<std::optional<std::int32_t>(const std::string&)>& find);

  /// One text. Its end is truncated if there would be more than `max_length` tokens in all. Throws `ConfigError` if
  /// the special tokens alone are more.
  Encoding encode(const std::vector<std::int32_t>& text, std::size_t max_length) const;

  /// Two texts. If there would be more than `max_length` tokens, their ends are truncated by the rule "longest_first"
  /// of `tokenizers`: the longer text down to the length of the other, then both to equal halves, with an odd token
  /// left to the longer. Throws `ConfigError` if the special tokens alone are more.
  Encoding encode_pair(const std::vector<std::int32_t>& first, const std::vector<std::int32_t>& second,
                       std::size_t max_length) const;

  /// How many special tokens a pair of texts has.
  std::size_t special_tokens_of_pair() const;
  /// How many types the tokens of a pair of texts have: 1 or 2.
  std::int32_t types_of_pair() const;

 private:
  struct Place {
    enum class Content { kSpecialToken, kFirstText, kSecondText };
    Content content;
    std::int32_t token_id;  ///< of a special token
    std::int32_t type_id;
  };
  struct Texts;

  static std::size_t special_tokens(const std::vector<Place>& places);
  Encoding fill(const std::vector<Place>& places, const Texts& texts) const;

  std::vector<Place> single_;
  std::vector<Place> pair_;
  std::optional<std::int32_t> empty_token_;
};

}  // namespace tunescope
