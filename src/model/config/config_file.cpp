#include "model/config/config_file.hpp"

#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>
#include <vector>

#include "model/config/config_keys.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/io/hub_folder.hpp"

namespace tunescope {
namespace {

using Json = nlohmann::json;

// In transformers, several names stand for one function that is computed in different ways.
constexpr std::array<std::pair<const char*, Activation>, 11> kActivations = {
    {{"gelu", Activation::kGelu},
     {"gelu_python", Activation::kGelu},
     {"gelu_new", Activation::kGeluTanh},
     {"gelu_fast", Activation::kGeluTanh},
     {"gelu_accurate", Activation::kGeluTanh},
     {"gelu_python_tanh", Activation::kGeluTanh},
     {"gelu_pytorch_tanh", Activation::kGeluTanh},
     {"relu", Activation::kRelu},
     {"silu", Activation::kSilu},
     {"swish", Activation::kSilu},
     {"tanh", Activation::kTanh}}};

Json parse_config(const std::filesystem::path& path) {
  std::ifstream file(path);
  if (!file) {
    const bool has_googles = std::filesystem::exists(path.parent_path() / "bert_config.json");
    throw ModelError(path.string() + ": no such file; " +
                     (has_googles ? "copy bert_config.json to config.json: it has the same keys"
                                  : "[model] path must be a Hugging Face model folder"));
  }
  if (const std::string problem = git_lfs_problem(path); !problem.empty()) throw ModelError(problem);
  Json json = Json::parse(file, nullptr, false);
  if (!json.is_object()) throw ModelError(path.string() + ": is not a JSON object");
  return json;
}

// Whether a value means the same as an absent key.
bool is_plain(const Json& value, std::string_view plain) {
  if (value.is_string()) return value.get_ref<const std::string&>().empty() || value == plain;
  return value.is_boolean() ? !value.get<bool>() : value.empty();  // null too is empty
}

const ConfigKey* find_key(const std::vector<std::span<const ConfigKey>>& tables, std::string_view name) {
  for (const std::span<const ConfigKey> table : tables) {
    const auto key = std::ranges::find(table, name, &ConfigKey::name);
    if (key != table.end()) return &*key;
  }
  return nullptr;
}

}  // namespace

void check_keys(const ConfigFile& file, std::string_view model_type, FolderNotes& notes) {
  const std::vector<std::span<const ConfigKey>> known = config_keys(model_type);
  std::vector<std::string> unknown;
  for (const auto& item : file.json().items()) {
    const ConfigKey* const key = find_key(known, item.key());
    if (key == nullptr) {
      unknown.push_back(item.key());
    } else if (key->use == KeyUse::kRefused && !is_plain(item.value(), key->plain)) {
      file.fail(item.key().c_str(),
                fmt::format("{}; {}", key->plain.empty() ? "nothing, null or false" : key->plain, key->meaning));
    } else if (key->use == KeyUse::kWarned && !is_plain(item.value(), "")) {
      notes.warnings.push_back(fmt::format("config.json: {} {}", key->name, key->meaning));
    }
  }
  constexpr std::size_t kNamed = 5;
  if (unknown.empty()) return;
  const std::size_t more = unknown.size() - std::min(unknown.size(), kNamed);
  unknown.resize(unknown.size() - more);
  notes.notes.push_back(fmt::format("left out: unknown keys of config.json: {}{}", fmt::join(unknown, ", "),
                                    more > 0 ? fmt::format(" and {} more", more) : ""));
}

ConfigFile::ConfigFile(const std::filesystem::path& path)
    : json_(std::make_unique<Json>(parse_config(path))), file_(path.string()) {}

ConfigFile::~ConfigFile() = default;

bool ConfigFile::is_given(const char* key) const {
  const auto found = json_->find(key);
  return found != json_->end() && !found->is_null();
}

void ConfigFile::positive(const char* key, std::int64_t& value, std::int64_t largest) const {
  whole(key, value, 1, largest);
}

void ConfigFile::positive(const char* key, const char* alias, std::int64_t& value, std::int64_t largest) const {
  positive(alias, value, largest);
  if (json_->contains(key) && json_->contains(alias) && (*json_)[key] != (*json_)[alias]) {
    fail(alias, fmt::format("the number of {}, for which it is another name", key));
  }
  positive(key, value, largest);
}

void ConfigFile::whole(const char* key, std::int64_t& value, std::int64_t smallest, std::int64_t largest) const {
  const auto found = json_->find(key);
  if (found == json_->end()) return;
  const bool is_sound = found->is_number_integer() && *found >= smallest && *found <= largest;
  if (!is_sound) fail(key, fmt::format("a whole number from {} to {}", smallest, largest));
  value = found->get<std::int64_t>();
}

void ConfigFile::number(const char* key, double& value, double smallest, double largest) const {
  const auto found = json_->find(key);
  if (found == json_->end() || found->is_null()) return;
  if (!found->is_number() || found->get<double>() < smallest || found->get<double>() > largest) {
    fail(key, fmt::format("a number from {} to {}", smallest, largest));
  }
  value = found->get<double>();
}

void ConfigFile::flag(const char* key, bool& value) const {
  const auto found = json_->find(key);
  if (found == json_->end()) return;
  if (!found->is_boolean()) fail(key, "true or false");
  value = found->get<bool>();
}

void ConfigFile::word(const char* key, std::string& value) const {
  const auto found = json_->find(key);
  if (found == json_->end()) return;
  if (!found->is_string()) fail(key, "a string");
  value = found->get<std::string>();
}

void ConfigFile::probability(const char* key, double& value) const { number(key, value, 0.0, 0.99); }

void ConfigFile::activation(const char* key, Activation& value) const {
  if (!json_->contains(key)) return;
  std::string name;
  word(key, name);
  const auto known = std::ranges::find(kActivations, name, [](const auto& row) { return row.first; });
  if (known == kActivations.end()) {
    fail(key, "gelu, gelu_new or another name of the same functions, relu, silu, swish or tanh");
  }
  value = known->second;
}

void ConfigFile::divides(const char* key, std::int64_t divisor, const char* other, std::int64_t number) const {
  if (number % divisor != 0) fail(key, fmt::format("a divisor of {} {}", other, number));
}

void ConfigFile::fail(const char* key, const std::string& expected) const {
  const auto found = json_->find(key);
  // A list or an object is not printed: it may be nested deeper than the stack.
  const std::string text = found == json_->end()    ? "(missing)"
                           : found->is_structured() ? found->type_name()
                                                    : found->dump();
  throw ModelError(fmt::format("{}: {} = {}; expected {}", file_, key, text, expected));
}

}  // namespace tunescope
