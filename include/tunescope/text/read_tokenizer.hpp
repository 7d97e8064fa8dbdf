#pragma once

#include <filesystem>
#include <memory>

#include "tunescope/text/tokenizer/tokenizer.hpp"

namespace tunescope {

/// Reads the tokenizer of a model folder: `tokenizer.json`, whose `model.type` names the kind, or the files of a kind
/// if there is none. Throws `DataError` naming the file if one is missing, malformed or describes a tokenizer that is
/// not supported.
std::unique_ptr<const Tokenizer> read_tokenizer(const std::filesystem::path& folder);

}  // namespace tunescope
