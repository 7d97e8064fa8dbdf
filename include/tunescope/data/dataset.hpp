#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "tunescope/data/task.hpp"
#include "tunescope/data/tsv.hpp"
#include "tunescope/text/word_piece.hpp"

namespace tunescope {

/// The token ids of a split, without padding: example i owns entries offsets[i] ... offsets[i+1]-1.
struct Dataset {
  std::vector<std::int32_t> token_ids;
  std::vector<std::int32_t> type_ids;  ///< 0 in the first sentence, 1 in the second
  std::vector<std::int64_t> offsets = {0};
  std::vector<float> labels;  ///< class index, or the value of a regression task

  std::int64_t size() const { return static_cast<std::int64_t>(offsets.size()) - 1; }
  std::int64_t token_count() const { return offsets.back(); }
};

/// The splits of one task that training needs.
struct TaskData {
  const Task* task = nullptr;
  Dataset train;
  Dataset dev;
  Dataset mismatched_dev;    ///< empty unless the task has one
  std::string content_hash;  ///< SHA-256 over the files' bytes
};

/// Where a task's data comes from and how it is tokenised.
struct DataOptions {
  std::filesystem::path glue_folder;
  std::filesystem::path cache_folder;  ///< tokenised splits, by content hash
  bool may_write_cache = true;         ///< see `prepare_cache`
  std::int64_t max_length = 128;       ///< tokens an example, special tokens included
};

/// Token ids and numeric labels of raw examples. Throws `DataError` naming file and line where a label is not one of
/// the task's; `path` is for that message.
Dataset tokenize_examples(const RawExamples& raw, const Task& task, const WordPiece& tokenizer, std::int64_t max_length,
                          const std::filesystem::path& path);

/// Told about rows that were left out or are suspicious and damaged files of the cache, as one readable line.
using DataWarning = std::function<void(const std::string&)>;

/// Makes the folder of the cache. Returns whether it can be written; where not, tells why: a job can do without.
bool prepare_cache(const std::filesystem::path& folder, const DataWarning& warning);

/// Reads, tokenises and caches a task's splits. Throws `DataError` as `read_examples` and `tokenize_examples` do,
/// `EnvironmentError` where writing to the cache fails.
TaskData load_task(const Task& task, const WordPiece& tokenizer, const DataOptions& options,
                   const DataWarning& warning);

/// The first `count` examples of one fixed random order, so that smaller subsets are part of larger ones; all of them
/// where `count` is 0 or larger than the data set.
Dataset subsample(const Dataset& dataset, std::int64_t count);

}  // namespace tunescope
