#pragma once

#include <filesystem>

#include "tunescope/io/folder_notes.hpp"
#include "tunescope/model/encoder_config.hpp"

namespace tunescope {

class ConfigFile;

using BertConfig = EncoderConfig;

/// A `config.json` that was read, with notes for the user.
struct BertConfigFile {
  BertConfig config;
  FolderNotes notes;
};

/// Reads the `config.json` of a BERT. Refuses keys that would change numbers in an unsupported way. A missing
/// `model_type` counts as "bert" unless `architectures` or `pad_token_id` contradict it. Throws `ModelError` naming
/// file, key, what was found and what is supported.
BertConfigFile read_bert_config(const std::filesystem::path& path);
BertConfigFile read_bert_config(const ConfigFile& json);

}  // namespace tunescope
