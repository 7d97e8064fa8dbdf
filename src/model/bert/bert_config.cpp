#include "tunescope/model/bert/bert_config.hpp"

#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "bert_config_keys.hpp"
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

// Larger than any model. The limits keep a damaged file from making a catalogue of tensors that outgrows memory.
constexpr std::int64_t kMaxDimension = 1 << 24;
constexpr std::int64_t kMaxLayers = 1024;

// Reads the keys of one file. Its errors name the file.
class Reader {
 public:
  Reader(const Json& json, std::string file) : json_(json), file_(std::move(file)) {}

  void positive(const char* key, std::int64_t& value, std::int64_t largest = kMaxDimension) const {
    const auto found = json_.find(key);
    if (found == json_.end()) return;
    const bool is_sound = found->is_number_integer() && *found >= 1 && *found <= largest;
    if (!is_sound) fail(key, fmt::format("a whole number from 1 to {}", largest));
    value = found->get<std::int64_t>();
  }

  void number(const char* key, double& value, double smallest, double largest) const {
    const auto found = json_.find(key);
    if (found == json_.end() || found->is_null()) return;
    if (!found->is_number() || found->get<double>() < smallest || found->get<double>() > largest) {
      fail(key, fmt::format("a number from {} to {}", smallest, largest));
    }
    value = found->get<double>();
  }

  void word(const char* key, std::string& value) const {
    const auto found = json_.find(key);
    if (found == json_.end()) return;
    if (!found->is_string()) fail(key, "a string");
    value = found->get<std::string>();
  }

  [[noreturn]] void fail(const char* key, const std::string& expected) const {
    const auto found = json_.find(key);
    // A list or an object is not printed: it may be nested deeper than the stack.
    const std::string text = found == json_.end()     ? "(missing)"
                             : found->is_structured() ? found->type_name()
                                                      : found->dump();
    throw ModelError(fmt::format("{}: {} = {}; expected {}", file_, key, text, expected));
  }

 private:
  const Json& json_;
  std::string file_;
};

Json parse(const std::filesystem::path& path) {
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

bool is_given(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && !found->is_null();
}

// Whether a value means the same as an absent key.
bool is_plain(const Json& value, std::string_view plain) {
  if (value.is_string()) return value.get_ref<const std::string&>().empty() || value == plain;
  return value.is_boolean() ? !value.get<bool>() : value.empty();  // null too is empty
}

// Refuses a file without model_type that cannot be a BERT's. RoBERTa's tensors have BERT's names, but its positions
// start after the id of its padding token, 1.
void check_unnamed_type(const Json& json, const Reader& reader) {
  constexpr const char* kExpected = "\"bert\": add it to config.json if the model is a BERT";
  if (!is_given(json, "architectures")) {
    if (is_given(json, "pad_token_id") && json["pad_token_id"] != 0) reader.fail("model_type", kExpected);
    return;
  }
  const Json& names = json["architectures"];
  const auto is_bert = [](const Json& name) {
    return name.is_string() && name.get_ref<const std::string&>().starts_with("Bert") &&
           !name.get_ref<const std::string&>().starts_with("BertGeneration");
  };
  if (!names.is_array()) reader.fail("architectures", "a list of names");
  const auto other = std::find_if_not(names.begin(), names.end(), is_bert);
  if (other != names.end()) {
    reader.fail("model_type", fmt::format("\"bert\", and architectures has {}: only BERT is supported",
                                          other->is_string() ? other->get<std::string>() : other->type_name()));
  }
}

void read_architecture(const Json& json, const Reader& reader, FolderNotes& notes) {
  if (!is_given(json, "model_type")) {
    check_unnamed_type(json, reader);
    notes.notes.emplace_back("assumed: a BERT, for config.json has no model_type");
    return;
  }
  std::string model_type;
  reader.word("model_type", model_type);
  if (model_type != "bert") reader.fail("model_type", "\"bert\", the architecture that is supported");
}

void check_keys(const Json& json, const Reader& reader, FolderNotes& notes) {
  const std::span<const ConfigKey> known = bert_config_keys();
  std::vector<std::string> unknown;
  for (const auto& item : json.items()) {
    const auto key = std::find_if(known.begin(), known.end(), [&](const ConfigKey& k) { return k.name == item.key(); });
    if (key == known.end()) {
      unknown.push_back(item.key());
    } else if (key->use == KeyUse::kRefused && !is_plain(item.value(), key->plain)) {
      reader.fail(item.key().c_str(),
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

Activation read_activation(const Reader& reader) {
  std::string name = "gelu";
  reader.word("hidden_act", name);
  for (const auto& [known, activation] : kActivations) {
    if (name == known) return activation;
  }
  reader.fail("hidden_act", "gelu, gelu_new or another name of the same functions, relu, silu, swish or tanh");
}

DropoutProbabilities read_dropout(const Reader& reader) {
  constexpr double kLargest = 0.99;
  double hidden = 0.1;
  reader.number("hidden_dropout_prob", hidden, 0.0, kLargest);
  DropoutProbabilities dropout = DropoutProbabilities::uniform(hidden);
  dropout.attention_probabilities = 0.1;
  reader.number("attention_probs_dropout_prob", dropout.attention_probabilities, 0.0, kLargest);
  reader.number("classifier_dropout", dropout.pooled, 0.0, kLargest);
  return dropout;
}

}  // namespace

BertConfigFile read_bert_config(const std::filesystem::path& path) {
  const Json json = parse(path);
  const Reader reader(json, path.string());
  BertConfigFile file;
  read_architecture(json, reader, file.notes);
  check_keys(json, reader, file.notes);
  BertConfig& config = file.config;
  reader.positive("vocab_size", config.vocab_size);
  reader.positive("hidden_size", config.hidden_size);
  reader.positive("num_hidden_layers", config.num_hidden_layers, kMaxLayers);
  reader.positive("num_attention_heads", config.num_attention_heads);
  reader.positive("intermediate_size", config.intermediate_size);
  reader.positive("max_position_embeddings", config.max_position_embeddings);
  reader.positive("type_vocab_size", config.type_vocab_size);
  reader.number("layer_norm_eps", config.layer_norm_eps, 0.0, 1.0);
  config.dropout = read_dropout(reader);
  reader.number("initializer_range", config.initializer_range, 0.0, 1.0);
  config.hidden_act = read_activation(reader);
  if (config.hidden_size % config.num_attention_heads != 0) {
    reader.fail("num_attention_heads", fmt::format("a divisor of hidden_size {}", config.hidden_size));
  }
  return file;
}

}  // namespace tunescope
