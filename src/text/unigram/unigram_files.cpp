#include "tunescope/text/unigram/unigram_files.hpp"

#include <array>
#include <fstream>
#include <optional>
#include <sstream>

#include "tunescope/base/error.hpp"
#include "tunescope/io/hub_folder.hpp"
#include "tunescope/text/tokenizer/tokenizer_files.hpp"

namespace tunescope {
namespace {

constexpr const char* kModel = "spm.model";

constexpr std::array<std::string_view, 2> kDebertaClasses = {"DebertaV2Tokenizer", "DebertaV2TokenizerFast"};

std::string read_model(const std::filesystem::path& file) {
  if (!std::filesystem::exists(file)) {
    throw DataError(file.string() +
                    ": is missing; tokenizer.json alone does not give the ids that the model was trained with: fetch "
                    "spm.model from where the model is published, such as huggingface.co/microsoft/deberta-v3-base");
  }
  if (const std::string problem = git_lfs_problem(file); !problem.empty()) throw DataError(problem);
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream bytes;
  if (!stream || !(bytes << stream.rdbuf())) {
    throw DataError(file.string() + ": is empty or cannot be read: check its permissions, or fetch it again");
  }
  return std::move(bytes).str();
}

DeclaredTokens deberta_tokens() {
  DeclaredTokens tokens;
  for (const auto& [key, token] :
       {std::pair{"bos_token", "[CLS]"}, std::pair{"eos_token", "[SEP]"}, std::pair{"unk_token", "[UNK]"},
        std::pair{"sep_token", "[SEP]"}, std::pair{"pad_token", "[PAD]"}, std::pair{"cls_token", "[CLS]"},
        std::pair{"mask_token", "[MASK]"}}) {
    tokens.special[key] = {.content = token};
  }
  return tokens;
}

void apply_config(const JsonObject& config, UnigramOptions& options, FolderNotes& notes) {
  if (const auto name = other_tokenizer_class(config, kDebertaClasses)) {
    config.fail("tokenizer_class", "is '" + *name +
                                       "', which may number the pieces of spm.model in another way than "
                                       "DebertaV2Tokenizer, the one that is supported");
  }
  warn_of_unread_keys(config, notes);
  if (config.has("do_lower_case")) options.lowercase = config.boolean("do_lower_case");
  if (config.has("split_by_punct")) options.splits_punctuation = config.boolean("split_by_punct");
}

}  // namespace

std::unique_ptr<Tokenizer> read_unigram(const std::filesystem::path& folder, const JsonObject* tokenizer_json) {
  const std::string model = read_model(folder / kModel);
  UnigramOptions options;
  FolderNotes notes;
  if (const auto config = read_if_there(folder / "tokenizer_config.json")) apply_config(*config, options, notes);
  DeclaredTokens tokens = deberta_tokens();
  read_declared_tokens(folder, tokens, notes);
  options.added_tokens = tokens.all();
  options.sequence = bert_template(tokens.name("cls_token"), tokens.name("sep_token"));
  if (tokenizer_json != nullptr) {
    const std::vector<AddedToken> added = read_added_tokens(*tokenizer_json);
    options.added_tokens.insert(options.added_tokens.end(), added.begin(), added.end());
    options.sequence = read_post_processor(*tokenizer_json).value_or(options.sequence);
  }
  auto tokenizer = std::make_unique<Unigram>(model, options);
  tokenizer->add_notes(notes);
  return tokenizer;
}

}  // namespace tunescope
