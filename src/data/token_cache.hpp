#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tunescope/data/dataset.hpp"

namespace tunescope {

/// Name of a cache entry: a hash over everything that determines the token ids.
std::string token_cache_key(std::string_view file_hash, std::string_view tokenizer_hash, std::string_view task,
                            std::int64_t max_length);

/// What the numbers of an entry may be.
struct TokenRanges {
  std::int64_t vocabulary_size = 0;
  const Task& task;
};

/// What an entry holds: a file's tokens, and what `RawExamples::warnings` said of it, to be said each time.
struct CachedTokens {
  Dataset dataset;
  std::vector<std::string> warnings;
};

/// The entry, or nothing where it is absent or damaged: `warning` names a damaged one, the caller makes it again.
std::optional<CachedTokens> read_token_cache(const std::filesystem::path& folder, const std::string& key,
                                             const TokenRanges& ranges, const DataWarning& warning);

/// Writes an entry under a temporary name, seals and renames it, so that an entry that exists is complete.
void write_token_cache(const std::filesystem::path& folder, const std::string& key, const CachedTokens& tokens);

}  // namespace tunescope
