#include <array>

#include "tunescope/text/byte_pair/byte_pair_files.hpp"
#include "tunescope/text/tokenizer/tokenizer_files.hpp"

namespace tunescope {
namespace {

// Options of `BPE` of `tokenizers` that no supported model uses. What is false, empty or null has no effect.
void refuse_other_options(const JsonObject& model) {
  constexpr std::array<const char*, 6> kOptions = {
      "dropout", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk", "byte_fallback", "ignore_merges"};
  for (const char* key : kOptions) {
    if (!model.has(key)) continue;
    const nlohmann::json& value = model.value().at(key);
    if (value == false || value == "" || value == 0.0) continue;
    model.fail(
        key, "is " + value.dump() + ", which is not supported: GPT-2's and RoBERTa's byte-level BPE does not have it");
  }
}

void require_byte_level(const JsonObject& file) {
  if (file.has("normalizer")) {
    file.fail("normalizer", "is there, which is not supported: GPT-2's and RoBERTa's byte-level BPE has none");
  }
  if (!file.has("pre_tokenizer")) file.fail("pre_tokenizer", "is missing or null where a ByteLevel is expected");
  const JsonObject pre_tokenizer = file.object("pre_tokenizer");
  if (const std::string type = pre_tokenizer.text("type"); type != "ByteLevel") {
    pre_tokenizer.fail("type",
                       "is '" + type + "' where ByteLevel is expected: of BPE only the byte-level one is supported");
  }
  if (pre_tokenizer.has("use_regex") && !pre_tokenizer.boolean("use_regex")) {
    pre_tokenizer.fail("use_regex", "is false, which is not supported: texts are cut into words as GPT-2 cuts them");
  }
}

// A merge is the string "left right" or the array ["left", "right"].
BytePair::MergeRules read_merge_array(const JsonObject& model) {
  const nlohmann::json merges = model.value().value("merges", nlohmann::json());
  if (!merges.is_array()) model.fail("merges", std::string("is ") + merges.type_name() + " where an array is expected");
  BytePair::MergeRules rules;
  rules.reserve(merges.size());
  for (const nlohmann::json& merge : merges) {
    if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
      rules.emplace_back(merge[0].get<std::string>(), merge[1].get<std::string>());
      continue;
    }
    const std::string text = merge.is_string() ? merge.get<std::string>() : "";
    const std::size_t blank = text.find(' ');
    if (blank == std::string::npos || text.find(' ', blank + 1) != std::string::npos) {
      model.fail("merges[" + std::to_string(rules.size()) + "]",
                 "is " + merge.dump() + " where two tokens are expected");
    }
    rules.emplace_back(text.substr(0, blank), text.substr(blank + 1));
  }
  return rules;
}

}  // namespace

BytePairFiles read_byte_pair_json(const JsonObject& file) {
  require_byte_level(file);
  const JsonObject model = file.object("model");
  refuse_other_options(model);
  const JsonObject pre_tokenizer = file.object("pre_tokenizer");
  BytePairFiles files{.vocabulary = read_vocabulary_map(model.object("vocab")), .merges = read_merge_array(model)};
  files.options.add_prefix_space = pre_tokenizer.boolean("add_prefix_space");
  if (model.has("unk_token")) files.options.unknown_token = model.text("unk_token");
  files.options.added_tokens = read_added_tokens(file);
  files.options.sequence = read_post_processor(file).value_or(SequenceTemplate());
  return files;
}

}  // namespace tunescope
