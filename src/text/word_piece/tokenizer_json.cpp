#include <utility>

#include "tunescope/text/json_object.hpp"
#include "tunescope/text/tokenizer/sequence_template.hpp"
#include "tunescope/text/tokenizer/tokenizer_files.hpp"
#include "tunescope/text/word_piece/word_piece_files.hpp"

namespace tunescope {
namespace {

void require_type(const JsonObject& file, const std::string& key, const std::string& expected) {
  if (!file.has(key)) {
    file.fail(key, "is missing or null where a " + expected + " is expected: WordPiece is supported as BERT has it");
  }
  const std::string found = file.object(key).text("type");
  if (found != expected) {
    file.fail(key + ".type",
              "is '" + found + "' where '" + expected + "' is expected: WordPiece is supported as BERT has it");
  }
}

void read_special_tokens(const JsonObject& file, WordPieceOptions& options) {
  const std::optional<SequenceTemplate> found = read_post_processor(file);
  if (!found) return;
  if (found->single.size() == 3 && !found->single.front().is_text() && !found->single.back().is_text()) {
    options.class_token = found->single.front().token;
    options.separator_token = found->single.back().token;
  }
  const SequenceTemplate expected = bert_template(options.class_token, options.separator_token);
  using Pieces = std::vector<TemplatePiece>;
  const auto compare = [&](const std::string& key, const Pieces& pieces, const Pieces& wanted) {
    if (pieces == wanted) return;
    file.fail("post_processor." + key, "is '" + describe(pieces) + "' where '" + describe(wanted) + "' is expected");
  };
  compare("single", found->single, expected.single);
  compare("pair", found->pair, expected.pair);
}

}  // namespace

WordPieceFiles read_tokenizer_json(const JsonObject& file) {
  require_type(file, "normalizer", "BertNormalizer");
  require_type(file, "pre_tokenizer", "BertPreTokenizer");
  const JsonObject model = file.object("model");
  const JsonObject normalizer = file.object("normalizer");
  WordPieceFiles files{read_vocabulary_map(model.object("vocab")), {}};
  WordPieceOptions& options = files.options;
  options.clean_text = normalizer.boolean("clean_text");
  options.tokenize_chinese_chars = normalizer.boolean("handle_chinese_chars");
  options.strip_accents = normalizer.optional_boolean("strip_accents");
  options.lowercase = normalizer.boolean("lowercase");
  options.unknown_token = model.text("unk_token");
  options.continuation_prefix = model.text("continuing_subword_prefix");
  options.max_characters_per_word = model.number("max_input_chars_per_word");
  options.added_tokens = read_added_tokens(file);
  read_special_tokens(file, options);
  return files;
}

}  // namespace tunescope
