#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tunescope/text/tokenizer/tokenizer.hpp"

namespace sentencepiece {
class SentencePieceProcessor;
}

namespace tunescope {

// The tokenizer of DeBERTa-v2 and v3: the unigram language model of SentencePiece (Kudo 2018, arXiv:1804.10959).
// Google's library does it, with the model's own file spm.model. Hugging Face's `tokenizers` gives other ids for some
// texts, such as full-width letters, because it normalizes them in another way; models were trained with SentencePiece.

/// What is done around SentencePiece. Names and defaults are those of Hugging Face's `DebertaV2Tokenizer`.
struct UnigramOptions {
  bool lowercase = false;           ///< lower-case texts (`do_lower_case`)
  bool splits_punctuation = false;  ///< give every punctuation character to SentencePiece alone (`split_by_punct`)
  std::vector<AddedToken> added_tokens = {};
  SequenceTemplate sequence = {};
};

/// Gives the ids of the Python package `sentencepiece` for texts without added tokens. Each text between added tokens
/// is one for SentencePiece, which begins it with a blank of its own.
class Unigram final : public Tokenizer {
 public:
  /// `model` holds the bytes of an `spm.model`. An added token that it lacks gets the next id behind its pieces. Throws
  /// `DataError` if the model is damaged or a token of the template is missing.
  Unigram(std::string_view model, const UnigramOptions& options);
  ~Unigram() override;

  std::string summary() const override;
  std::vector<std::int32_t> tokenize(std::string_view text) const override;

 private:
  using Processor = sentencepiece::SentencePieceProcessor;
  Unigram(std::unique_ptr<Processor> processor, std::string_view model, const UnigramOptions& options);
  void append_text(std::string_view text, std::vector<std::int32_t>& ids) const;
  void append_pieces(std::string_view text, std::vector<std::int32_t>& ids) const;

  std::unique_ptr<Processor> processor_;
  bool lowercase_;
  bool splits_punctuation_;
};

}  // namespace tunescope
