#include "token_cache.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "tunescope/base/error.hpp"
#include "tunescope/base/hash.hpp"
#include "tunescope/hdf5/sealed_file.hpp"
#include "tunescope/io/atomic_file.hpp"
#include "tunescope/io/sealed_file.hpp"

namespace tunescope {
namespace {

constexpr std::string_view kFormat = "tunescope-tokens-3";

std::filesystem::path entry_path(const std::filesystem::path& folder, const std::string& key) {
  return folder / (key.substr(0, 32) + ".h5");
}

void expect(bool holds, const std::string& what) {
  if (!holds) throw DataError(what);
}

std::vector<std::int32_t> read_ids(const hdf5::File& file, const std::string& name, std::int64_t count) {
  const std::vector<std::int64_t> ids = file.read_integers(name);
  const bool is_in_range = std::all_of(ids.begin(), ids.end(), [&](std::int64_t id) { return id >= 0 && id < count; });
  expect(is_in_range, name + " are out of range");
  return {ids.begin(), ids.end()};
}

bool is_label(float label, const Task& task) {
  if (task.is_regression()) return label >= task.min_label && label <= task.max_label;
  return label >= 0.0F && label < static_cast<float>(task.labels.size()) && label == std::floor(label);
}

CachedTokens read_entry(const std::filesystem::path& path, const TokenRanges& ranges) {
  expect(has_intact_seal(path), "its checksum is missing or does not match");
  const hdf5::File file = hdf5::File::open(path);
  Dataset dataset;
  dataset.token_ids = read_ids(file, "token_ids", ranges.vocabulary_size);
  dataset.type_ids = read_ids(file, "type_ids", static_cast<std::int64_t>(ranges.task.text_columns.size()));
  dataset.offsets = file.read_integers("offsets");
  dataset.labels = file.read_floats("labels");
  const std::vector<std::int64_t>& offsets = dataset.offsets;
  expect(!offsets.empty() && offsets.front() == 0 && std::is_sorted(offsets.begin(), offsets.end()) &&
             dataset.token_count() == static_cast<std::int64_t>(dataset.token_ids.size()),
         "offsets are out of range");
  expect(dataset.type_ids.size() == dataset.token_ids.size() && dataset.labels.size() + 1 == offsets.size(),
         "tables are of unequal length");
  expect(std::all_of(dataset.labels.begin(), dataset.labels.end(),
                     [&](float label) { return is_label(label, ranges.task); }),
         "labels are out of range");
  return {std::move(dataset), file.read_strings("warnings")};
}

}  // namespace

std::string token_cache_key(std::string_view file_hash, std::string_view tokenizer_hash, std::string_view task,
                            std::int64_t max_length) {
  Sha256 hash;
  for (const std::string_view part : {kFormat, file_hash, tokenizer_hash, task}) hash.update(part).update("\n");
  return hash.update(std::to_string(max_length)).hex_digest();
}

std::optional<CachedTokens> read_token_cache(const std::filesystem::path& folder, const std::string& key,
                                             const TokenRanges& ranges, const DataWarning& warning) {
  const std::filesystem::path path = entry_path(folder, key);
  if (!std::filesystem::exists(path)) return std::nullopt;
  try {
    return read_entry(path, ranges);
  } catch (const Error& error) {
    warning(path.string() + ": is damaged: " + error.what() + "; it is made again");
    return std::nullopt;
  }
}

void write_token_cache(const std::filesystem::path& folder, const std::string& key, const CachedTokens& tokens) {
  make_folder(folder);
  hdf5::write_sealed_file(entry_path(folder, key), [&](const hdf5::File& file) {
    const Dataset& dataset = tokens.dataset;
    const auto widen = [](const std::vector<std::int32_t>& narrow) {
      return std::vector<std::int64_t>(narrow.begin(), narrow.end());
    };
    file.write("token_ids", std::span<const std::int64_t>(widen(dataset.token_ids)), {dataset.token_ids.size()});
    file.write("type_ids", std::span<const std::int64_t>(widen(dataset.type_ids)), {dataset.type_ids.size()});
    file.write("offsets", std::span<const std::int64_t>(dataset.offsets), {dataset.offsets.size()});
    file.write("labels", std::span<const float>(dataset.labels), {dataset.labels.size()});
    file.write("warnings", std::span<const std::string>(tokens.warnings), {tokens.warnings.size()});
  });
}

}  // namespace tunescope
