#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tunescope/text/byte_pair/merges.hpp"
#include "tunescope/text/tokenizer/tokenizer.hpp"

namespace tunescope {

// The tokenizer of GPT-2 and RoBERTa (Radford et al. 2019, "Language Models are Unsupervised Multitask Learners",
// section 2.2). (1) Added tokens are found in the text and cut out. (2) The text between them is cut into words, which
// keep their blanks (`end_of_byte_pair_word`). (3) The bytes of a word are its first tokens; pairs of them are merged
// (`Merges`). So no text is unknown. In the files each byte is spelled as a character that can be seen: those that can
// stand for themselves, the others for U+0100 and what follows, so that a blank is U+0120.

/// The options of these steps.
struct BytePairOptions {
  bool add_prefix_space = false;   ///< put a blank before a text that does not begin with one
  std::string unknown_token = {};  ///< of a byte that is no token; empty: such bytes are left out
  std::vector<AddedToken> added_tokens = {};
  SequenceTemplate sequence = {};
};

/// Gives the ids of Hugging Face's `ByteLevel` and `BPE` (`tokenizers` 0.23) for every text.
class BytePair final : public Tokenizer {
 public:
  using MergeRules = std::vector<std::pair<std::string, std::string>>;

  /// The id of a token is its index in `vocabulary`; an empty string is an id without a token. `merges` are pairs of
  /// tokens in the order of their ranks. An added token that the vocabulary lacks gets the next id after it. Throws
  /// `DataError` if a token of the merges or of the template is missing.
  BytePair(std::vector<std::string> vocabulary, const MergeRules& merges, const BytePairOptions& options);

  std::string summary() const override;
  std::vector<std::int32_t> tokenize(std::string_view text) const override;

 private:
  struct TextHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };

  void find_whole_words();
  void append_text(std::string_view text, Merges::Scratch& scratch, std::vector<std::int32_t>& ids) const;
  std::vector<std::int32_t> tokens_of_bytes(std::string_view word) const;

  bool add_prefix_space_;
  std::array<std::int32_t, 256> byte_ids_{};  ///< -1: left out
  Merges merges_;
  std::unordered_map<std::string, std::int32_t, TextHash, std::equal_to<>> whole_words_;
};

}  // namespace tunescope
