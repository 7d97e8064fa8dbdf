#include "token_cache.hpp"

#include "tunescope/atomic_file.hpp"
#include "tunescope/error.hpp"
#include "tunescope/hash.hpp"
#include "tunescope/hdf5/file.hpp"

namespace tunescope {
namespace {

constexpr std::string_view kFormat = "tunescope-tokens-1";

std::filesystem::path entry_path(const std::filesystem::path& folder, const std::string& key) {
  return folder / (key.substr(0, 32) + ".h5");
}

bool is_consistent(const Dataset& dataset) {
  return !dataset.offsets.empty() && dataset.labels.size() + 1 == dataset.offsets.size() &&
         dataset.token_count() == static_cast<std::int64_t>(dataset.token_ids.size()) &&
         dataset.type_ids.size() == dataset.token_ids.size();
}

}  // namespace

std::string token_cache_key(std::string_view file_hash, std::string_view tokenizer_hash, std::string_view task,
                            std::int64_t max_length) {
  Sha256 hash;
  for (const std::string_view part : {kFormat, file_hash, tokenizer_hash, task}) hash.update(part).update("\n");
  return hash.update(std::to_string(max_length)).hex_digest();
}

std::optional<Dataset> read_token_cache(const std::filesystem::path& folder, const std::string& key) {
  const std::filesystem::path path = entry_path(folder, key);
  if (!std::filesystem::exists(path)) return std::nullopt;
  try {
    const hdf5::File file = hdf5::File::open(path);
    Dataset dataset;
    const auto narrow = [](const std::vector<std::int64_t>& wide) {
      return std::vector<std::int32_t>(wide.begin(), wide.end());
    };
    dataset.token_ids = narrow(file.read_integers("token_ids"));
    dataset.type_ids = narrow(file.read_integers("type_ids"));
    dataset.offsets = file.read_integers("offsets");
    dataset.labels = file.read_floats("labels");
    if (is_consistent(dataset)) return dataset;
  } catch (const Hdf5Error&) {
    // A damaged entry is as good as none.
  }
  return std::nullopt;
}

void write_token_cache(const std::filesystem::path& folder, const std::string& key, const Dataset& dataset) {
  std::filesystem::create_directories(folder);
  write_atomically(entry_path(folder, key), [&](const std::filesystem::path& temporary) {
    hdf5::File file = hdf5::File::create(temporary);
    const auto widen = [](const std::vector<std::int32_t>& narrow) {
      return std::vector<std::int64_t>(narrow.begin(), narrow.end());
    };
    file.write("token_ids", std::span<const std::int64_t>(widen(dataset.token_ids)), {dataset.token_ids.size()});
    file.write("type_ids", std::span<const std::int64_t>(widen(dataset.type_ids)), {dataset.type_ids.size()});
    file.write("offsets", std::span<const std::int64_t>(dataset.offsets), {dataset.offsets.size()});
    file.write("labels", std::span<const float>(dataset.labels), {dataset.labels.size()});
    file.close();
  });
}

}  // namespace tunescope
