#include "tunescope/text/read_tokenizer.hpp"

#include <optional>
#include <string>

#include "tunescope/base/error.hpp"
#include "tunescope/io/hub_folder.hpp"
#include "tunescope/text/byte_pair/byte_pair_files.hpp"
#include "tunescope/text/json_object.hpp"
#include "tunescope/text/unigram/unigram_files.hpp"
#include "tunescope/text/word_piece/word_piece_files.hpp"

namespace tunescope {
namespace {

// The kind that a tokenizer.json names. Files written before tokenizers 0.10 name none, but have keys of one kind.
std::string kind_of(const JsonObject& file) {
  const JsonObject model = file.object("model");
  if (model.has("type")) return model.text("type");
  if (model.has("max_input_chars_per_word") && model.has("continuing_subword_prefix")) return "WordPiece";
  if (model.has("merges")) return "BPE";
  return model.text("type");
}

std::unique_ptr<const Tokenizer> read_json(const std::filesystem::path& folder, const JsonObject& file) {
  const std::string kind = kind_of(file);
  if (kind == "WordPiece") return read_word_piece(folder, &file);
  if (kind == "BPE") return read_byte_pair(folder, &file);
  if (kind == "Unigram") return read_unigram(folder, &file);
  file.fail("model.type",
            "is '" + kind + "' where 'WordPiece', 'BPE' or 'Unigram' is expected: other kinds are not supported");
}

// The file by which a folder's kind of tokenizer is recognized; nothing if it has none.
std::optional<std::string> main_file(const std::filesystem::path& folder) {
  const auto has = [&](const char* name) { return std::filesystem::exists(folder / name); };
  if (has("tokenizer.json")) return "tokenizer.json";
  if (has("vocab.txt")) return "vocab.txt";
  if (has("vocab.json") && has("merges.txt")) return "vocab.json";
  if (has("spm.model")) return "spm.model";
  return std::nullopt;
}

}  // namespace

std::unique_ptr<const Tokenizer> read_tokenizer(const std::filesystem::path& folder) {
  const std::optional<std::string> file = main_file(folder);
  if (!file) {
    const std::string problem = hub_cache_problem(folder);
    throw DataError(problem.empty() ? folder.string() +
                                          " has no tokenizer: give the folder of a model with tokenizer.json, with "
                                          "vocab.txt, with vocab.json and merges.txt, or with spm.model"
                                    : problem);
  }
  try {
    if (*file == "tokenizer.json") return read_json(folder, JsonObject::read(folder / *file));
    if (*file == "vocab.txt") return read_word_piece(folder, nullptr);
    if (*file == "vocab.json") return read_byte_pair(folder, nullptr);
    return read_unigram(folder, nullptr);
  } catch (const DataError& error) {
    const std::string message = error.what();
    if (message.starts_with(folder.string())) throw;
    throw DataError((folder / *file).string() + ": " + message);
  }
}

}  // namespace tunescope
