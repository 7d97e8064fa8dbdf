#include "tunescope/text/unigram/unigram.hpp"

#include <sentencepiece_processor.h>
#include <unicode/locid.h>
#include <unicode/unistr.h>

#include <utility>

#include "tunescope/base/error.hpp"
#include "tunescope/base/hash.hpp"
#include "tunescope/text/text_file.hpp"
#include "tunescope/text/tokenizer/content_hash.hpp"
#include "tunescope/text/unigram/normalization_rules.hpp"
#include "tunescope/text/utf8.hpp"
#include "tunescope/text/word_piece/bert_unicode.hpp"

namespace tunescope {
namespace {

void check_status(const sentencepiece::util::Status& status) {
  if (status.ok()) return;
  throw DataError("SentencePiece cannot read the model (" + status.ToString() +
                  "): it is damaged or of another kind, fetch the file again");
}

std::unique_ptr<sentencepiece::SentencePieceProcessor> load_processor(std::string_view model) {
  check_normalization_rules(model);
  auto processor = std::make_unique<sentencepiece::SentencePieceProcessor>();
  try {
    check_status(processor->LoadFromSerializedProto(model));
  } catch (const DataError&) {
    throw;
  } catch (const std::exception& error) {
    throw DataError(std::string("SentencePiece cannot read the model (") + error.what() + "): fetch the file again");
  }
  return processor;
}

std::vector<std::string> pieces_of(const sentencepiece::SentencePieceProcessor& processor) {
  std::vector<std::string> pieces;
  for (int id = 0; id < processor.GetPieceSize(); ++id) pieces.push_back(processor.IdToPiece(id));
  return pieces;
}

std::string hash_of(std::string_view model, const UnigramOptions& options, const std::vector<AddedToken>& added) {
  ContentHash content;
  content.add_text("tunescope SentencePiece 1");
  content.add_text(sha256_hex(model));
  content.add_number(options.lowercase ? 1 : 0);
  content.add_number(options.splits_punctuation ? 1 : 0);
  for (const auto& pieces : {options.sequence.single, options.sequence.pair}) content.add_text(describe(pieces));
  content.add_tokens(added);
  return content.sha256();
}

// Lower-cases a whole text, because a sigma at the end of a word has a form of its own.
std::string lower_case(std::string_view text) {
  std::string lowered;
  icu::UnicodeString::fromUTF8({text.data(), static_cast<std::int32_t>(text.size())})
      .toLower(icu::Locale::getRoot())
      .toUTF8String(lowered);
  return lowered;
}

}  // namespace

Unigram::Unigram(std::string_view model, const UnigramOptions& options)
    : Unigram(load_processor(model), model, options) {}

Unigram::Unigram(std::unique_ptr<Processor> processor, std::string_view model, const UnigramOptions& options)
    : Tokenizer(
          Vocabulary(pieces_of(*processor)), options.added_tokens,
          [&](const std::string& text) { return options.lowercase ? lower_case(text) : text; }, options.sequence),
      processor_(std::move(processor)),
      lowercase_(options.lowercase),
      splits_punctuation_(options.splits_punctuation) {
  set_content_hash(hash_of(model, options, added_tokens().all()));
}

Unigram::~Unigram() = default;

std::string Unigram::summary() const {
  return "SentencePiece, " + std::to_string(vocabulary_size()) + " tokens" + (lowercase_ ? ", lower-cased" : "") +
         (splits_punctuation_ ? ", split at punctuation" : "");
}

void Unigram::append_pieces(std::string_view text, std::vector<std::int32_t>& ids) const {
  std::vector<int> pieces;
  if (const auto status = processor_->Encode(text, &pieces); !status.ok()) {
    throw DataError("SentencePiece cannot tokenize '" + shortened(text) + "' (" + status.ToString() +
                    "): fetch spm.model again, or leave out the text");
  }
  ids.insert(ids.end(), pieces.begin(), pieces.end());
}

void Unigram::append_text(std::string_view text, std::vector<std::int32_t>& ids) const {
  if (!splits_punctuation_) return append_pieces(text, ids);
  std::size_t begin = 0;
  for (std::size_t position = 0; position < text.size();) {
    const std::size_t start = position;
    if (!bert_unicode::is_punctuation(utf8::decode_next(text, position))) continue;
    if (begin < start) append_pieces(text.substr(begin, start - begin), ids);
    append_pieces(text.substr(start, position - start), ids);
    begin = position;
  }
  if (begin < text.size()) append_pieces(text.substr(begin), ids);
}

std::vector<std::int32_t> Unigram::tokenize(std::string_view text) const {
  std::string lowered;
  const auto normalize = [&](std::string_view part) {
    if (!lowercase_) return part;
    lowered = lower_case(part);
    return std::string_view(lowered);
  };
  return tokenize_between_added(text, normalize,
                                [&](std::string_view part, std::vector<std::int32_t>& ids) { append_text(part, ids); });
}

}  // namespace tunescope
