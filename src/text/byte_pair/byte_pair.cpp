#include "tunescope/text/byte_pair/byte_pair.hpp"

#include <utility>

#include "tunescope/base/error.hpp"
#include "tunescope/text/byte_pair/byte_alphabet.hpp"
#include "tunescope/text/byte_pair/byte_pair_words.hpp"
#include "tunescope/text/tokenizer/content_hash.hpp"

namespace tunescope {
namespace {

std::vector<Merges::Merge> with_token_ids(const BytePair::MergeRules& rules, const Vocabulary& vocabulary) {
  std::vector<Merges::Merge> merges;
  merges.reserve(rules.size());
  const auto id_of = [&](const std::string& token) {
    const std::optional<std::int32_t> id = vocabulary.find(token);
    if (id) return *id;
    throw DataError("merge " + std::to_string(merges.size() + 1) + " needs the token '" + token +
                    "', which the vocabulary lacks: merges and vocabulary do not belong together, fetch both again");
  };
  for (const auto& [left, right] : rules) merges.push_back({id_of(left), id_of(right), id_of(left + right)});
  return merges;
}

std::string hash_of(const Vocabulary& vocabulary, const BytePair::MergeRules& merges, const BytePairOptions& options,
                    const std::vector<AddedToken>& added) {
  ContentHash content;
  content.add_text("tunescope byte-level BPE 1");
  content.add_number(options.add_prefix_space ? 1 : 0);
  content.add_text(options.unknown_token);
  for (const auto& pieces : {options.sequence.single, options.sequence.pair}) content.add_text(describe(pieces));
  content.add_text(options.sequence.empty_token);
  content.add_texts(vocabulary.tokens());
  content.add_number(merges.size());
  for (const auto& [left, right] : merges) {
    content.add_text(left);
    content.add_text(right);
  }
  content.add_tokens(added);
  return content.sha256();
}

}  // namespace

BytePair::BytePair(std::vector<std::string> vocabulary_of_model, const MergeRules& merges,
                   const BytePairOptions& options)
    : Tokenizer(
          Vocabulary(std::move(vocabulary_of_model)), options.added_tokens,
          [](const std::string& text) { return text; }, options.sequence),
      add_prefix_space_(options.add_prefix_space),
      merges_(with_token_ids(merges, vocabulary())) {
  const std::optional<std::int32_t> unknown = vocabulary().find(options.unknown_token);
  if (!options.unknown_token.empty() && !unknown) {
    throw DataError("vocabulary: the unknown token '" + options.unknown_token + "' is missing: fetch the files again");
  }
  for (std::size_t byte = 0; byte < byte_ids_.size(); ++byte) {
    const auto id = vocabulary().find(byte_alphabet::spelling(static_cast<unsigned char>(byte)));
    byte_ids_[byte] = id.value_or(unknown.value_or(-1));
  }
  find_whole_words();
  set_content_hash(hash_of(vocabulary(), merges, options, added_tokens().all()));
}

// Most words of a text are one token. Those are looked up, so that only the others are merged.
void BytePair::find_whole_words() {
  Merges::Scratch scratch;
  const std::vector<std::string>& tokens = vocabulary().tokens();
  whole_words_.reserve(tokens.size());
  for (std::size_t index = 0; index < tokens.size(); ++index) {
    const std::optional<std::string> word = byte_alphabet::bytes_of(tokens[index]);
    if (!word || word->empty()) continue;
    std::vector<std::int32_t> ids = tokens_of_bytes(*word);
    merges_.apply(ids, scratch);
    if (ids == std::vector{static_cast<std::int32_t>(index)}) whole_words_.emplace(*word, ids.front());
  }
}

std::vector<std::int32_t> BytePair::tokens_of_bytes(std::string_view word) const {
  std::vector<std::int32_t> ids;
  for (const char byte : word) {
    const std::int32_t id = byte_ids_[static_cast<unsigned char>(byte)];
    if (id >= 0) ids.push_back(id);
  }
  return ids;
}

std::string BytePair::summary() const {
  return "byte-level BPE, " + std::to_string(vocabulary_size()) + " tokens" +
         (add_prefix_space_ ? ", a blank before each text" : "");
}

void BytePair::append_text(std::string_view text, Merges::Scratch& scratch, std::vector<std::int32_t>& ids) const {
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = end_of_byte_pair_word(text, begin);
    const std::string_view word = text.substr(begin, end - begin);
    begin = end;
    if (const auto whole = whole_words_.find(word); whole != whole_words_.end()) {
      ids.push_back(whole->second);
      continue;
    }
    std::vector<std::int32_t> tokens = tokens_of_bytes(word);
    merges_.apply(tokens, scratch);
    ids.insert(ids.end(), tokens.begin(), tokens.end());
  }
}

std::vector<std::int32_t> BytePair::tokenize(std::string_view text) const {
  Merges::Scratch scratch;
  return tokenize_between_added(
      text, [](std::string_view part) { return part; },
      [&](std::string_view part, std::vector<std::int32_t>& ids) {
        if (add_prefix_space_ && part.front() != ' ') return append_text(" " + std::string(part), scratch, ids);
        append_text(part, scratch, ids);
      });
}

}  // namespace tunescope
