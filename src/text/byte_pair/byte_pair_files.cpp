#include "tunescope/text/byte_pair/byte_pair_files.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "tunescope/base/error.hpp"
#include "tunescope/io/hub_folder.hpp"
#include "tunescope/text/text_file.hpp"
#include "tunescope/text/tokenizer/tokenizer_files.hpp"

namespace tunescope {
namespace {

// Tokenizer classes that split text as GPT-2's does.
constexpr std::array<std::string_view, 8> kBytePairClasses = {
    "GPT2Tokenizer", "GPT2TokenizerFast", "RobertaTokenizer",    "RobertaTokenizerFast",
    "BartTokenizer", "BartTokenizerFast", "LongformerTokenizer", "LongformerTokenizerFast"};

BytePairFiles read_vocabulary_and_merges(const std::filesystem::path& folder) {
  return {.vocabulary = read_vocabulary_map(JsonObject::read(folder / "vocab.json")),
          .merges = read_merges(folder / "merges.txt")};
}

bool contains(const std::vector<std::string>& tokens, std::string_view token) {
  return std::find(tokens.begin(), tokens.end(), token) != tokens.end();
}

// The special tokens of the class that transformers would take: RoBERTa's where the vocabulary has them.
DeclaredTokens default_tokens(const std::vector<std::string>& vocabulary) {
  DeclaredTokens tokens;
  const auto set = [&](std::initializer_list<const char*> keys, const char* token) {
    for (const char* key : keys) tokens.special[key] = {.content = token};
  };
  if (!contains(vocabulary, "<s>") || !contains(vocabulary, "</s>")) {
    set({"bos_token", "eos_token", "unk_token"}, "<|endoftext|>");
    return tokens;
  }
  set({"bos_token", "cls_token"}, "<s>");
  set({"eos_token", "sep_token"}, "</s>");
  set({"unk_token"}, "<unk>");
  set({"pad_token"}, "<pad>");
  set({"mask_token"}, "<mask>");
  return tokens;
}

// GPT-2 puts nothing around texts unless its configuration asks for it.
SequenceTemplate gpt2_template(const std::optional<JsonObject>& config, const DeclaredTokens& tokens) {
  const auto asks = [&](const char* key) { return config && config->has(key) && config->boolean(key); };
  SequenceTemplate sequence;
  const auto add_text = [&](std::vector<TemplatePiece>& pieces, const char* text) {
    if (asks("add_bos_token")) pieces.push_back({tokens.name("bos_token")});
    pieces.push_back({text});
    if (asks("add_eos_token")) pieces.push_back({tokens.name("eos_token")});
  };
  add_text(sequence.single, "$A");
  add_text(sequence.pair, "$A");
  add_text(sequence.pair, "$B");
  sequence.empty_token = tokens.name("eos_token");
  return sequence;
}

void apply_config(const JsonObject& config, bool has_json, BytePairFiles& files) {
  if (const auto name = other_tokenizer_class(config, kBytePairClasses)) {
    if (!has_json) {
      config.fail("tokenizer_class",
                  "is '" + *name +
                      "', which may split text in another way than GPT2Tokenizer and "
                      "RobertaTokenizer: if the model was trained with one of these, write it there");
    }
    files.notes.warnings.push_back("tokenizer_config.json: tokenizer_class is '" + *name +
                                   "', but tokenizer.json describes a byte-level BPE, which is used");
  }
  warn_of_unread_keys(config, files.notes);
  if (config.has("add_prefix_space")) files.options.add_prefix_space = config.boolean("add_prefix_space");
}

void apply_files_beside(const std::filesystem::path& folder, bool has_json, BytePairFiles& files) {
  const std::optional<JsonObject> config = read_if_there(folder / "tokenizer_config.json");
  if (config) apply_config(*config, has_json, files);
  DeclaredTokens tokens = default_tokens(files.vocabulary);
  FolderNotes notes;
  read_declared_tokens(folder, tokens, notes);
  if (has_json) {
    warn_of_forgotten_tokens(folder, files.vocabulary, files.options.added_tokens, files.notes);
  } else {
    files.notes.append(notes);
    files.options.added_tokens = tokens.all();
  }
  SequenceTemplate& sequence = files.options.sequence;
  const bool is_roberta = !has_json && !tokens.name("cls_token").empty() && !tokens.name("sep_token").empty();
  if (is_roberta) sequence = roberta_template(tokens.name("cls_token"), tokens.name("sep_token"));
  if (sequence.single.size() < 2 && sequence.pair.size() < 3) sequence = gpt2_template(config, tokens);
}

}  // namespace

BytePair::MergeRules read_merges(const std::filesystem::path& file) {
  if (const std::string problem = git_lfs_problem(file); !problem.empty()) throw DataError(problem);
  const std::string text = read_text(file);
  refuse_damage(text, file);
  BytePair::MergeRules merges;
  LineReader lines(text);
  while (const std::optional<std::string_view> line = lines.next()) {
    if (lines.number() == 1 && line->starts_with("#version")) continue;
    if (line->empty()) continue;
    const std::size_t blank = line->find(' ');
    if (blank == std::string_view::npos || line->find(' ', blank + 1) != std::string_view::npos) {
      throw DataError(file.string() + ":" + std::to_string(lines.number()) + ": '" + shortened(*line) +
                      "' where two tokens with a blank between them are expected: fetch the file again");
    }
    merges.emplace_back(line->substr(0, blank), line->substr(blank + 1));
  }
  return merges;
}

std::unique_ptr<Tokenizer> read_byte_pair(const std::filesystem::path& folder, const JsonObject* tokenizer_json) {
  const bool has_json = tokenizer_json != nullptr;
  BytePairFiles files = has_json ? read_byte_pair_json(*tokenizer_json) : read_vocabulary_and_merges(folder);
  apply_files_beside(folder, has_json, files);
  auto tokenizer = std::make_unique<BytePair>(std::move(files.vocabulary), files.merges, files.options);
  tokenizer->add_notes(files.notes);
  return tokenizer;
}

}  // namespace tunescope
