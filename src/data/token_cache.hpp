#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tunescope/data/dataset.hpp"

namespace tunescope {

// The cache of tokenized files. Every rank of every job needs the same token ids, so each file is tokenized once. An
// entry is named by a hash over everything that determines its content (the file, the tokenizer, the task, the maximum
// length), so a changed file or tokenizer simply leads to another entry, and entries never become outdated. Any entry
// can be deleted at any time.

/// The name of a cache entry: a hash over everything that determines the token ids.
std::string token_cache_key(std::string_view file_hash, std::string_view tokenizer_hash, std::string_view task,
                            std::int64_t max_length);

/// The valid ranges of the numbers in an entry.
struct TokenRanges {
  std::int64_t vocabulary_size = 0;
  const Task& task;
};

/// The content of an entry: the tokens of a file, and its `RawExamples::warnings`, which are repeated on every use.
struct CachedTokens {
  Dataset dataset;
  std::vector<std::string> warnings;
};

/// Reads an entry. Returns nothing if it is absent or damaged, so that the caller makes it again; warns about a
/// damaged one.
std::optional<CachedTokens> read_token_cache(const std::filesystem::path& folder, const std::string& key,
                                             const TokenRanges& ranges, const DataWarning& warning);

/// Writes an entry under a temporary name, seals it and renames it, so that every existing entry is complete.
void write_token_cache(const std::filesystem::path& folder, const std::string& key, const CachedTokens& tokens);

}  // namespace tunescope
