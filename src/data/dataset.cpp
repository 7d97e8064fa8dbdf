#include "tunescope/data/dataset.hpp"

#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <optional>

#include "token_cache.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/base/hash.hpp"
#include "tunescope/base/number.hpp"
#include "tunescope/random/stream.hpp"

namespace tunescope {
namespace {

[[noreturn]] void refuse_label(const RawExample& example, const std::string& expected,
                               const std::filesystem::path& path) {
  throw DataError(fmt::format("{}:{}: label '{}' is out of range; expected {}", path.string(), example.line,
                              example.label, expected));
}

float class_label(const RawExample& example, const Task& task, const std::filesystem::path& path) {
  const auto found = std::find(task.labels.begin(), task.labels.end(), example.label);
  if (found == task.labels.end()) refuse_label(example, fmt::format("one of {}", fmt::join(task.labels, ", ")), path);
  return static_cast<float>(found - task.labels.begin());
}

float regression_label(const RawExample& example, const Task& task, const std::filesystem::path& path) {
  const std::optional<double> value = to_number<double>(example.label);
  if (!value || !(*value >= task.min_label && *value <= task.max_label)) {
    const bool is_any = task.max_label == std::numeric_limits<float>::max();
    refuse_label(example, is_any ? "a number" : fmt::format("a number from {} to {}", task.min_label, task.max_label),
                 path);
  }
  return static_cast<float>(*value);
}

void append_example(Dataset& dataset, const Encoding& encoding, float label) {
  dataset.token_ids.insert(dataset.token_ids.end(), encoding.token_ids.begin(), encoding.token_ids.end());
  dataset.type_ids.insert(dataset.type_ids.end(), encoding.type_ids.begin(), encoding.type_ids.end());
  dataset.offsets.push_back(static_cast<std::int64_t>(dataset.token_ids.size()));
  dataset.labels.push_back(label);
}

Dataset load_split(const std::filesystem::path& path, const Task& task, const Tokenizer& tokenizer,
                   const DataOptions& options, const DataWarning& warning, Sha256& content) {
  if (!std::filesystem::is_regular_file(path)) {
    const std::string where = task.is_own
                                  ? fmt::format("[task {}] names it", task.name)
                                  : fmt::format("task {} needs the official GLUE layout below [data] glue", task.name);
    throw DataError(fmt::format("{}: no such file; {}", path.string(), where));
  }
  const std::string file_hash = sha256_hex_of_file(path);
  content.update(file_hash);
  const std::string key =
      token_cache_key(file_hash, tokenizer.content_hash(), task.name + task.definition(), options.max_length);
  const TokenRanges ranges{static_cast<std::int64_t>(tokenizer.vocabulary_size()), task};
  std::optional<CachedTokens> tokens = read_token_cache(options.cache_folder, key, ranges, warning);
  if (!tokens) {
    const RawExamples raw = read_examples(path, task, Labels::kRead);
    tokens = {tokenize_examples(raw, task, tokenizer, options.max_length, path), raw.warnings()};
    if (options.may_write_cache) write_token_cache(options.cache_folder, key, *tokens);
  }
  for (const std::string& text : tokens->warnings) warning(path.string() + ": " + text);
  return std::move(tokens->dataset);
}

}  // namespace

Dataset tokenize_examples(const RawExamples& raw, const Task& task, const Tokenizer& tokenizer, std::int64_t max_length,
                          const std::filesystem::path& path) {
  Dataset dataset;
  const bool is_pair = task.text_columns.size() > 1;
  const auto limit = static_cast<std::size_t>(max_length);
  for (const RawExample& example : raw.examples) {
    const float label = !raw.has_labels        ? 0.0F
                        : task.is_regression() ? regression_label(example, task, path)
                                               : class_label(example, task, path);
    append_example(
        dataset,
        is_pair ? tokenizer.encode_pair(example.first, example.second, limit) : tokenizer.encode(example.first, limit),
        label);
  }
  return dataset;
}

bool prepare_cache(const std::filesystem::path& folder, const DataWarning& warning) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (!error && ::access(folder.c_str(), W_OK | X_OK) != 0) error.assign(errno, std::generic_category());
  if (error) {
    warning(
        fmt::format("{}: this folder cannot be written ({}), so what it does not hold is tokenized each time; choose "
                    "another one with [data] cache",
                    folder.string(), error.message()));
  }
  return !error;
}

TaskData load_task(const Task& task, const Tokenizer& tokenizer, const DataOptions& options,
                   const DataWarning& warning) {
  const std::filesystem::path folder = task.folder(options.glue_folder);
  if (!task.caution.empty()) warning(fmt::format("task {}: {}", task.name, task.caution));
  Sha256 content;
  TaskData data;
  data.task = &task;
  data.train = load_split(folder / task.train_file, task, tokenizer, options, warning, content);
  data.dev = load_split(folder / task.dev_file, task, tokenizer, options, warning, content);
  if (!task.mismatched_dev_file.empty()) {
    data.mismatched_dev = load_split(folder / task.mismatched_dev_file, task, tokenizer, options, warning, content);
  }
  data.content_hash = content.hex_digest();
  return data;
}

Dataset examples_of(const Dataset& dataset, std::span<const std::int64_t> numbers) {
  Dataset subset;
  for (const std::int64_t i : numbers) {
    const auto begin = dataset.offsets[static_cast<std::size_t>(i)];
    const auto end = dataset.offsets[static_cast<std::size_t>(i) + 1];
    subset.token_ids.insert(subset.token_ids.end(), dataset.token_ids.begin() + begin, dataset.token_ids.begin() + end);
    subset.type_ids.insert(subset.type_ids.end(), dataset.type_ids.begin() + begin, dataset.type_ids.begin() + end);
    subset.offsets.push_back(static_cast<std::int64_t>(subset.token_ids.size()));
    subset.labels.push_back(dataset.labels[static_cast<std::size_t>(i)]);
  }
  return subset;
}

Dataset subsample(const Dataset& dataset, std::int64_t count) {
  if (count <= 0 || count >= dataset.size()) return dataset;
  const std::vector<std::int64_t> order = random_permutation(dataset.size(), random_key(0, RandomUse::kSubsample));
  return examples_of(dataset, std::span(order).first(static_cast<std::size_t>(count)));
}

}  // namespace tunescope
