#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "tunescope/text/tokenizer/tokenizer_files.hpp"
#include "tunescope/text/word_piece/word_piece_files.hpp"

namespace tunescope {
namespace {

constexpr const char* kConfig = "tokenizer_config.json";

// Tokenizer classes that split text as BERT's does.
constexpr std::array<std::string_view, 12> kBertClasses = {
    "BertTokenizer",     "BertTokenizerFast",     "DistilBertTokenizer",        "DistilBertTokenizerFast",
    "ElectraTokenizer",  "ElectraTokenizerFast",  "MobileBertTokenizer",        "MobileBertTokenizerFast",
    "ConvBertTokenizer", "ConvBertTokenizerFast", "DPRContextEncoderTokenizer", "DPRQuestionEncoderTokenizer"};

void apply_normalizer(const JsonObject& config, WordPieceOptions& options) {
  if (config.names("do_lower_case")) options.lowercase = config.boolean("do_lower_case");
  if (config.names("strip_accents")) options.strip_accents = config.optional_boolean("strip_accents");
  if (config.names("tokenize_chinese_chars")) {
    options.tokenize_chinese_chars = config.boolean("tokenize_chinese_chars");
  }
}

}  // namespace

void apply_files_beside_lines(const std::filesystem::path& folder, WordPieceFiles& files) {
  WordPieceOptions& options = files.options;
  if (const auto config = read_if_there(folder / kConfig)) {
    if (const auto name = other_tokenizer_class(*config, kBertClasses)) {
      config->fail("tokenizer_class", "is '" + *name +
                                          "', which may split text in another way than BertTokenizer, the one that is "
                                          "supported: if the model was trained with that, write BertTokenizer there");
    }
    warn_of_unread_keys(*config, files.notes);
    apply_normalizer(*config, options);
  }
  const std::pair<const char*, std::string*> names[] = {{"unk_token", &options.unknown_token},
                                                        {"cls_token", &options.class_token},
                                                        {"sep_token", &options.separator_token},
                                                        {"pad_token", &options.pad_token},
                                                        {"mask_token", &options.mask_token}};
  DeclaredTokens tokens;
  for (const auto& [key, token] : names) tokens.special[key] = {.content = *token};
  read_declared_tokens(folder, tokens, files.notes);
  for (const auto& [key, token] : names) *token = tokens.name(key);
  options.added_tokens = std::move(tokens.added);
}

void apply_files_beside_json(const std::filesystem::path& folder, WordPieceFiles& files) {
  if (const auto config = read_if_there(folder / kConfig)) {
    if (const auto name = other_tokenizer_class(*config, kBertClasses)) {
      files.notes.warnings.push_back("tokenizer_config.json: tokenizer_class is '" + *name +
                                     "', but tokenizer.json describes BERT's tokenizer, which is used");
    }
    warn_of_unread_keys(*config, files.notes);
    apply_normalizer(*config, files.options);
  }
  warn_of_forgotten_tokens(folder, files.vocabulary, files.options.added_tokens, files.notes);
}

}  // namespace tunescope
