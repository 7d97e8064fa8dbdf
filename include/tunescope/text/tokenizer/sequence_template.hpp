#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tunescope/text/json_object.hpp"

namespace tunescope {

/// One place of a sequence and its type.
struct TemplatePiece {
  std::string token;  ///< a special token; "$A" stands for the first text and "$B" for the second
  std::int32_t type_id = 0;

  bool is_text() const { return token == "$A" || token == "$B"; }
  friend bool operator==(const TemplatePiece&, const TemplatePiece&) = default;
};

/// The special tokens that a model expects around a text and around a pair of texts. The spelling of the pieces is that
/// of `TemplateProcessing` of Hugging Face's `tokenizers`.
struct SequenceTemplate {
  std::vector<TemplatePiece> single;
  std::vector<TemplatePiece> pair;
  std::string empty_token = {};  ///< stands for a sequence that would have no token; empty: nothing does

  friend bool operator==(const SequenceTemplate&, const SequenceTemplate&) = default;
};

/// BERT's: `[CLS] a [SEP]`, `[CLS] a [SEP] b [SEP]` with the types 0 0 0 1 1.
SequenceTemplate bert_template(const std::string& class_token, const std::string& separator_token);

/// RoBERTa's: `<s> a </s>`, `<s> a </s></s> b </s>`, all of type 0.
SequenceTemplate roberta_template(const std::string& class_token, const std::string& separator_token);

/// The pieces on one line, as messages and hashes have them: `[CLS]:0 $A:0 [SEP]:0`.
std::string describe(const std::vector<TemplatePiece>& pieces);

/// What the key `post_processor` of a tokenizer.json says: TemplateProcessing, BertProcessing, RobertaProcessing or
/// ByteLevel (no special tokens), or a Sequence of one of them and ByteLevel. Nothing if the key is missing or null.
/// Throws `DataError` for another type, or if a template does not have each text once and in order.
std::optional<SequenceTemplate> read_post_processor(const JsonObject& file);

}  // namespace tunescope
