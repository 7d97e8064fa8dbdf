#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tunescope/io/folder_notes.hpp"
#include "tunescope/text/tokenizer/added_tokens.hpp"
#include "tunescope/text/tokenizer/sequence_encoder.hpp"
#include "tunescope/text/tokenizer/vocabulary.hpp"
#include "tunescope/text/utf8.hpp"

namespace tunescope {

/// Makes token ids of text, as the tokenizer does that a model was trained with. Each kind is a subclass in a folder of
/// its own; it says how a text is cut into tokens. Bytes that are not UTF-8 count as U+FFFD, as after Python's
/// `bytes.decode("utf-8", "replace")`. Immutable after construction, so threads may share it. Movable, not copyable.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  /// What users are told of it, such as "WordPiece, 30522 tokens, lower-cased".
  virtual std::string summary() const = 0;

  /// The ids of a text, without the special tokens of a sequence. Threads may call it at the same time.
  virtual std::vector<std::int32_t> tokenize(std::string_view text) const = 0;

  /// A text with the special tokens that the model expects. See `SequenceEncoder::encode`.
  Encoding encode(std::string_view text, std::size_t max_length) const {
    return sequences_.encode(tokenize(text), max_length);
  }
  /// The same for a pair of texts. See `SequenceEncoder::encode_pair`.
  Encoding encode_pair(std::string_view first, std::string_view second, std::size_t max_length) const {
    return sequences_.encode_pair(tokenize(first), tokenize(second), max_length);
  }
  const SequenceEncoder& sequences() const { return sequences_; }

  /// The largest id + 1, added tokens included.
  std::size_t vocabulary_size() const;

  /// The token of an id; empty for an id without a token. Throws `DataError` if there is no such id.
  std::string_view token(std::int32_t id) const;

  /// SHA-256 over the vocabulary and every option that affects ids. Equal hashes mean equal tokenization.
  const std::string& content_hash() const { return content_hash_; }

  /// What was unusual about the folder that it was read from.
  const FolderNotes& notes() const { return notes_; }
  void add_notes(const FolderNotes& notes) { notes_.append(notes); }

 protected:
  /// Throws `DataError` as `AddedTokens` and `SequenceEncoder` do.
  Tokenizer(Vocabulary&& vocabulary, const std::vector<AddedToken>& added_tokens,
            const std::function<std::string(const std::string&)>& normalize, const SequenceTemplate& sequence);
  Tokenizer(Tokenizer&&) = default;
  Tokenizer& operator=(Tokenizer&&) = default;

  const Vocabulary& vocabulary() const { return vocabulary_; }
  /// The id of a token of the vocabulary or of an added one.
  std::optional<std::int32_t> find(std::string_view token) const;
  const AddedTokens& added_tokens() const { return added_tokens_; }
  /// The ids of the added tokens of a text, and what `append(part, ids)` adds for each part between them. Ill-formed
  /// UTF-8 is replaced first. `normalize(part)` returns what is searched for added tokens with `is_normalized`; it
  /// stays valid until the next call.
  template <typename Normalize, typename Append>
  std::vector<std::int32_t> tokenize_between_added(std::string_view text, Normalize normalize, Append append) const {
    std::string repaired;
    if (utf8::find_invalid(text) != text.size()) {
      repaired = utf8::replace_invalid(text);
      text = repaired;
    }
    std::vector<std::int32_t> ids;
    ids.reserve(text.size() / 3 + 4);
    added_tokens_.literal().split(text, [&](const AddedTokenMatcher::Segment& raw) {
      if (raw.id.has_value()) return ids.push_back(*raw.id);
      added_tokens_.normalized().split(normalize(raw.text), [&](const AddedTokenMatcher::Segment& segment) {
        segment.id.has_value() ? ids.push_back(*segment.id) : append(segment.text, ids);
      });
    });
    return ids;
  }
  void set_content_hash(std::string hash) { content_hash_ = std::move(hash); }

 private:
  Vocabulary vocabulary_;
  AddedTokens added_tokens_;
  SequenceEncoder sequences_;
  std::string content_hash_;
  FolderNotes notes_;
};

}  // namespace tunescope
