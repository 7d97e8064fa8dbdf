#include "tunescope/model/bert_config.hpp"

#include <spdlog/fmt/fmt.h>

#include <array>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "tunescope/error.hpp"

namespace tunescope {
namespace {

using Json = nlohmann::json;

constexpr std::array<std::pair<const char*, Activation>, 7> kActivations = {
    {{"gelu", Activation::kGelu},
     {"gelu_new", Activation::kGeluTanh},
     {"gelu_pytorch_tanh", Activation::kGeluTanh},
     {"relu", Activation::kRelu},
     {"silu", Activation::kSilu},
     {"swish", Activation::kSilu},
     {"tanh", Activation::kTanh}}};

// Beyond any model; a damaged file must not make the catalogue of its tensors outgrow memory.
constexpr std::int64_t kLargestDimension = 1 << 24;
constexpr std::int64_t kMostLayers = 1024;

// Reads the keys of one file, with errors that name it.
class Reader {
 public:
  Reader(const Json& json, std::string file) : json_(json), file_(std::move(file)) {}

  void positive(const char* key, std::int64_t& value, std::int64_t largest = kLargestDimension) const {
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
    // Only a flat value is printed: a list may be nested deeper than the stack.
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
  if (!file) throw ModelError(path.string() + ": no such file; [model] path must be a Hugging Face model folder");
  Json json = Json::parse(file, nullptr, false);
  if (!json.is_object()) throw ModelError(path.string() + ": is not a JSON object");
  return json;
}

void read_architecture(const Reader& reader) {
  std::string model_type;
  reader.word("model_type", model_type);
  if (model_type != "bert") reader.fail("model_type", "\"bert\", the architecture that is supported");
  std::string position_type = "absolute";
  reader.word("position_embedding_type", position_type);
  if (position_type != "absolute") reader.fail("position_embedding_type", "\"absolute\"");
}

Activation read_activation(const Reader& reader) {
  std::string name = "gelu";
  reader.word("hidden_act", name);
  for (const auto& [known, activation] : kActivations) {
    if (name == known) return activation;
  }
  reader.fail("hidden_act", "gelu, gelu_new, gelu_pytorch_tanh, relu, silu, swish or tanh");
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

BertConfig read_bert_config(const std::filesystem::path& path) {
  const Json json = parse(path);
  const Reader reader(json, path.string());
  read_architecture(reader);
  BertConfig config;
  reader.positive("vocab_size", config.vocab_size);
  reader.positive("hidden_size", config.hidden_size);
  reader.positive("num_hidden_layers", config.num_hidden_layers, kMostLayers);
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
  return config;
}

}  // namespace tunescope
