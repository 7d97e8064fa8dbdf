#pragma once

#include <filesystem>
#include <memory>

#include "tunescope/text/json_object.hpp"
#include "tunescope/text/unigram/unigram.hpp"

namespace tunescope {

/// Reads a SentencePiece tokenizer from a folder: `spm.model`, `tokenizer_config.json` and the tokens that the files
/// beside it declare. Of a `tokenizer.json` the added tokens and the post-processor are read. Throws `DataError` if
/// there is no `spm.model`, or it is damaged.
std::unique_ptr<Tokenizer> read_unigram(const std::filesystem::path& folder, const JsonObject* tokenizer_json);

}  // namespace tunescope
