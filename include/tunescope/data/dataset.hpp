#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "tunescope/data/examples.hpp"
#include "tunescope/data/task.hpp"
#include "tunescope/text/tokenizer/tokenizer.hpp"

namespace tunescope {

/// The token ids of a split, without padding. Example i owns entries offsets[i] ... offsets[i+1]-1.
struct Dataset {
  std::vector<std::int32_t> token_ids;
  std::vector<std::int32_t> type_ids;  ///< of the model: in BERT 0 in the first sentence, 1 in the second
  std::vector<std::int64_t> offsets = {0};
  std::vector<float> labels;  ///< class index, or the value for a regression task; zeros if the file has none

  std::int64_t size() const { return static_cast<std::int64_t>(offsets.size()) - 1; }
  std::int64_t token_count() const { return offsets.back(); }
};

/// The splits of one task that training reads.
struct TaskData {
  const Task* task = nullptr;
  Dataset train;
  Dataset dev;
  Dataset mismatched_dev;           ///< empty unless the task has one
  std::string content_hash;         ///< SHA-256 over the files' bytes
  Dataset selection = {};           ///< what chooses the best step; empty if `dev` does: see `set_selection_aside`
  std::string selection_hash = {};  ///< of the numbers of its examples; empty if it is

  bool chooses_on_dev() const { return selection.size() == 0; }
};

/// Where a task's data comes from and how it is tokenized.
struct DataOptions {
  std::filesystem::path glue_folder;
  std::filesystem::path cache_folder;  ///< tokenized splits, by content hash
  bool may_write_cache = true;         ///< see `prepare_cache`
  std::int64_t max_length = 128;       ///< tokens per example, special tokens included
};

/// Token ids and numeric labels of raw examples. Throws `DataError` naming file and line if a label is not one of the
/// task's. `path` is for that message.
Dataset tokenize_examples(const RawExamples& raw, const Task& task, const Tokenizer& tokenizer, std::int64_t max_length,
                          const std::filesystem::path& path);

/// Receives one readable line about rows that were skipped or look suspicious, or about a damaged file of the cache.
using DataWarning = std::function<void(const std::string&)>;

/// Creates the folder of the cache. Returns whether it can be written; if not, warns with the reason, since a job can
/// do without a cache.
bool prepare_cache(const std::filesystem::path& folder, const DataWarning& warning);

/// Reads, tokenizes and caches the splits of a task. Throws `DataError` as `read_examples` and `tokenize_examples` do,
/// and `EnvironmentError` if writing to the cache fails.
TaskData load_task(const Task& task, const Tokenizer& tokenizer, const DataOptions& options,
                   const DataWarning& warning);

/// Some examples of a data set, in the order in which their numbers are given.
Dataset examples_of(const Dataset& dataset, std::span<const std::int64_t> numbers);

/// The first `count` examples in one fixed random order, so that smaller subsets are part of larger ones. All examples
/// if `count` is 0 or larger than the data set.
Dataset subsample(const Dataset& dataset, std::int64_t count);

}  // namespace tunescope
