#include "tunescope/io/safetensors.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <fcntl.h>
#include <spdlog/fmt/fmt.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "foreign_weights.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/base/hash.hpp"
#include "tunescope/io/hub_folder.hpp"

namespace tunescope {
namespace {

using Json = nlohmann::json;
static_assert(std::endian::native == std::endian::little, "safetensors files are little-endian");

constexpr std::size_t kLengthBytes = 8;

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& what) {
  throw ModelError(path.string() + ": " + what + "; the file is damaged or incomplete, copy it again");
}

constexpr std::array<std::pair<std::string_view, at::ScalarType>, 10> kTypes = {{{"F64", at::kDouble},
                                                                                 {"F32", at::kFloat},
                                                                                 {"F16", at::kHalf},
                                                                                 {"BF16", at::kBFloat16},
                                                                                 {"I64", at::kLong},
                                                                                 {"I32", at::kInt},
                                                                                 {"I16", at::kShort},
                                                                                 {"I8", at::kChar},
                                                                                 {"U8", at::kByte},
                                                                                 {"BOOL", at::kBool}}};

std::optional<at::ScalarType> scalar_type(std::string_view name) {
  const auto found = std::find_if(kTypes.begin(), kTypes.end(), [&](const auto& type) { return type.first == name; });
  if (found == kTypes.end()) return std::nullopt;
  return found->second;
}

// The number of bytes, or nothing if a length is negative or the product overflows. LibTorch multiplies the lengths for
// its strides as well and counts a 0 among them as 1, so that product must not overflow either.
std::optional<std::size_t> byte_count(const std::vector<std::int64_t>& shape, std::size_t element_size) {
  auto bytes = static_cast<std::int64_t>(element_size);
  bool is_empty = false;
  for (const std::int64_t length : shape) {
    if (length < 0 || __builtin_mul_overflow(bytes, std::max<std::int64_t>(length, 1), &bytes)) return std::nullopt;
    is_empty = is_empty || length == 0;
  }
  return is_empty ? 0 : static_cast<std::size_t>(bytes);
}

// The whole numbers under a key. Throws `Json::exception` if the value is anything else.
template <typename Number>
std::vector<Number> whole_numbers(const Json& description, const char* key) {
  std::vector<Number> numbers;
  for (const Json& number : description.at(key).get_ref<const Json::array_t&>()) {
    numbers.push_back(static_cast<Number>(number.get_ref<const Json::number_integer_t&>()));
  }
  return numbers;
}

}  // namespace

// A read-only, private mapping. The processes of a node share its pages.
struct Safetensors::Mapping {
  explicit Mapping(const std::filesystem::path& path) {
    const int descriptor = ::open(path.c_str(), O_RDONLY);
    if (descriptor < 0) throw ModelError(path.string() + ": cannot be opened: " + std::strerror(errno));
    struct stat status {};
    ::fstat(descriptor, &status);
    size = static_cast<std::size_t>(status.st_size);
    void* address = size == 0 ? MAP_FAILED : ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    ::close(descriptor);
    if (address == MAP_FAILED) fail(path, "is empty or cannot be mapped");
    data = static_cast<const char*>(address);
  }
  ~Mapping() { ::munmap(const_cast<char*>(data), size); }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  const char* data = nullptr;
  std::size_t size = 0;
};

Safetensors Safetensors::open_file(const std::filesystem::path& path) {
  Safetensors result;
  result.add_file(path);
  return result;
}

Safetensors Safetensors::open_folder(const std::filesystem::path& folder) {
  const std::filesystem::path single = folder / "model.safetensors";
  if (std::filesystem::exists(single)) return open_file(single);
  const std::filesystem::path index_path = folder / "model.safetensors.index.json";
  std::ifstream index_file(index_path);
  if (!index_file) refuse_foreign_weights(folder);
  if (const std::string problem = git_lfs_problem(index_path); !problem.empty()) throw ModelError(problem);
  const Json index = Json::parse(index_file, nullptr, false);
  if (!index.is_object() || !index.contains("weight_map") || !index["weight_map"].is_object()) {
    fail(index_path, "has no weight_map");
  }
  std::set<std::string> shards;
  for (const auto& [tensor, shard] : index["weight_map"].items()) {
    if (!shard.is_string()) fail(index_path, "names no file for tensor " + tensor);
    shards.insert(shard.get<std::string>());
  }
  Safetensors result;
  for (const std::string& shard : shards) result.add_file(folder / shard);
  for (const auto& [tensor, shard] : index["weight_map"].items()) {
    if (!result.has(tensor))
      fail(index_path, "lists tensor " + tensor + ", which " + shard.get<std::string>() + " lacks");
  }
  return result;
}

void Safetensors::add_file(const std::filesystem::path& path) {
  if (const std::string problem = git_lfs_problem(path); !problem.empty()) throw ModelError(problem);
  const auto mapping = std::make_shared<const Mapping>(path);
  std::uint64_t header_bytes = 0;
  if (mapping->size < kLengthBytes) fail(path, "is shorter than a safetensors header");
  std::memcpy(&header_bytes, mapping->data, kLengthBytes);
  if (header_bytes > mapping->size - kLengthBytes) {
    fail(path, fmt::format("announces a header of {} bytes in a file of {} bytes", header_bytes, mapping->size));
  }
  const char* header = mapping->data + kLengthBytes;
  const Json json = Json::parse(header, header + header_bytes, nullptr, false);
  if (!json.is_object()) fail(path, "has a header that is not a JSON object");
  const std::size_t data_begin = kLengthBytes + header_bytes;
  const std::size_t data_bytes = mapping->size - data_begin;
  for (const auto& [name, description] : json.items()) {
    if (name == "__metadata__") {
      for (const auto& [key, value] : description.items()) {
        if (value.is_string()) metadata_[key] = value.get<std::string>();
      }
      continue;
    }
    std::vector<std::int64_t> shape;
    std::vector<std::size_t> range;
    std::string type_name;
    try {
      shape = whole_numbers<std::int64_t>(description, "shape");
      range = whole_numbers<std::size_t>(description, "data_offsets");
      type_name = description.at("dtype").get<std::string>();
    } catch (const Json::exception&) {
      fail(path, "describes tensor " + name + " without dtype, shape and data_offsets");
    }
    const auto type = scalar_type(type_name);
    if (!type) {
      throw ModelError(
          fmt::format("{}: tensor {} has type {}; F32, F16 and BF16 are supported: save it with transformers in one of "
                      "them",
                      path.string(), name, type_name));
    }
    const auto bytes = byte_count(shape, c10::elementSize(*type));
    if (range.size() != 2 || range[0] > range[1] || range[1] > data_bytes) {
      fail(path, fmt::format("places tensor {} outside its {} bytes of data", name, data_bytes));
    }
    if (bytes != range[1] - range[0]) {
      fail(path, fmt::format("gives tensor {} {} bytes, which do not match its shape", name, range[1] - range[0]));
    }
    const Entry entry{mapping, *type, std::move(shape), data_begin + range[0], *bytes};
    if (!entries_.emplace(name, entry).second) fail(path, "repeats tensor " + name + " of another shard");
  }
}

std::vector<std::string> Safetensors::names() const {
  std::vector<std::string> names;
  names.reserve(entries_.size());
  for (const auto& [name, entry] : entries_) names.push_back(name);
  return names;
}

std::string Safetensors::type_name(const std::string& name) const {
  const auto found =
      std::find_if(kTypes.begin(), kTypes.end(), [&](const auto& known) { return known.second == type(name); });
  return std::string(found->first);
}

at::Tensor Safetensors::tensor(const std::string& name) const {
  const Entry& entry = entries_.at(name);
  const char* data = entry.mapping->data + entry.begin;
  const auto options = at::TensorOptions().dtype(entry.type);
  const bool is_aligned = reinterpret_cast<std::uintptr_t>(data) % c10::elementSize(entry.type) == 0;
  if (!is_aligned) {
    at::Tensor copy = at::empty(entry.shape, options);
    if (entry.bytes > 0) std::memcpy(copy.mutable_data_ptr(), data, entry.bytes);
    return copy;
  }
  return at::from_blob(
      const_cast<char*>(data), entry.shape, [mapping = entry.mapping](void*) {}, options);
}

at::Tensor Safetensors::float_tensor(const std::string& name) const { return tensor(name).to(at::kFloat); }

std::string Safetensors::content_hash() const {
  Sha256 hash;
  for (const auto& [name, entry] : entries_) {
    hash.update(name).update("\n").update(c10::toString(entry.type));
    for (const std::int64_t length : entry.shape) hash.update(" " + std::to_string(length));
    hash.update("\n").update({entry.mapping->data + entry.begin, entry.bytes});
  }
  return hash.hex_digest();
}

}  // namespace tunescope
