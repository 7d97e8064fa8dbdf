#include "tunescope/model/bert/bert_config.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include "model/config/read_encoder_config.hpp"

namespace tunescope {
namespace {

using Json = nlohmann::json;

// Refuses a file without model_type that cannot be a BERT's. RoBERTa's tensors have BERT's names, but its positions
// start after the id of its padding token, 1.
void check_unnamed_type(const ConfigFile& file) {
  constexpr const char* kExpected = "\"bert\": add it to config.json if the model is a BERT";
  if (!file.is_given("architectures")) {
    if (file.is_given("pad_token_id") && file.json()["pad_token_id"] != 0) file.fail("model_type", kExpected);
    return;
  }
  const Json& names = file.json()["architectures"];
  const auto is_bert = [](const Json& name) {
    return name.is_string() && name.get_ref<const std::string&>().starts_with("Bert") &&
           !name.get_ref<const std::string&>().starts_with("BertGeneration");
  };
  if (!names.is_array()) file.fail("architectures", "a list of names");
  const auto other = std::find_if_not(names.begin(), names.end(), is_bert);
  if (other != names.end()) {
    file.fail("model_type", fmt::format("\"bert\", and architectures has {}: add the model_type of that model",
                                        other->is_string() ? other->get<std::string>() : other->type_name()));
  }
}

}  // namespace

BertConfigFile read_bert_config(const std::filesystem::path& path) { return read_bert_config(ConfigFile(path)); }

BertConfigFile read_bert_config(const ConfigFile& json) {
  BertConfigFile file;
  if (!json.is_given("model_type")) {
    check_unnamed_type(json);
    file.notes.notes.emplace_back("assumed: a BERT, for config.json has no model_type");
  }
  check_keys(json, "bert", file.notes);
  read_encoder_config(json, file.config);
  return file;
}

}  // namespace tunescope
