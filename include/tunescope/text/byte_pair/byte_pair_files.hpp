#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tunescope/text/byte_pair/byte_pair.hpp"
#include "tunescope/text/json_object.hpp"

namespace tunescope {

/// What the files of a byte-level BPE say: the arguments of `BytePair`, and anything unusual.
struct BytePairFiles {
  std::vector<std::string> vocabulary;
  BytePair::MergeRules merges;
  BytePairOptions options = {};
  FolderNotes notes = {};
};

/// Reads a byte-level BPE from a folder: `tokenizer.json`, if that is given, or `vocab.json` and `merges.txt`.
/// `tokenizer_config.json` counts for `add_prefix_space`, and for `add_bos_token` and `add_eos_token` if no
/// post-processor puts special tokens around texts. Beside `vocab.json`, the tokens that the other files declare are
/// used too.
std::unique_ptr<Tokenizer> read_byte_pair(const std::filesystem::path& folder, const JsonObject* tokenizer_json);

/// Reads `tokenizer.json`, as `Tokenizer.save` of `tokenizers` writes it. Throws `DataError` unless it is a byte-level
/// BPE without a normalizer, and without options that GPT-2 and RoBERTa do not use.
BytePairFiles read_byte_pair_json(const JsonObject& file);

/// Reads `merges.txt`: an optional first line `#version: ...`, then two tokens with a blank between them a line, in the
/// order of their ranks. Throws `DataError` naming the line of what is wrong.
BytePair::MergeRules read_merges(const std::filesystem::path& file);

}  // namespace tunescope
