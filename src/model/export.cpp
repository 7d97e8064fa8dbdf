#include "tunescope/model/export.hpp"

#include <array>
#include <nlohmann/json.hpp>
#include <string_view>

#include "tunescope/base/error.hpp"
#include "tunescope/io/atomic_file.hpp"
#include "tunescope/io/safetensors.hpp"
#include "tunescope/text/text_file.hpp"

namespace tunescope {
namespace {

using OrderedJson = nlohmann::ordered_json;

constexpr std::array<std::string_view, 8> kTokenizerFiles = {"tokenizer.json",
                                                             "tokenizer_config.json",
                                                             "special_tokens_map.json",
                                                             "added_tokens.json",
                                                             "vocab.txt",
                                                             "vocab.json",
                                                             "merges.txt",
                                                             "spm.model"};

OrderedJson config_of(const ExportedModel& model) {
  OrderedJson config = OrderedJson::parse(read_text(model.source / "config.json"));
  config["architectures"] = OrderedJson::array({std::string(model.network.classifier_class())});
  config["model_type"] = std::string(model.network.model_type());
  const bool is_regression = model.labels.empty();
  config["problem_type"] = is_regression ? "regression" : "single_label_classification";
  OrderedJson names = OrderedJson::object();
  OrderedJson numbers = OrderedJson::object();
  for (std::size_t i = 0; i < (is_regression ? 1 : model.labels.size()); ++i) {
    const std::string name = is_regression ? "score" : model.labels[i];
    names[std::to_string(i)] = name;
    numbers[name] = i;
  }
  config["id2label"] = names;
  config["label2id"] = numbers;
  config.erase("num_labels");
  // Newer versions of transformers load the weights in this type.
  config.erase("torch_dtype");
  config["dtype"] = "float32";
  return config;
}

void write_files(const ExportedModel& model, const std::filesystem::path& folder) {
  NamedTensors tensors;
  for (ParameterIndex i = 0; i < model.parameters.size(); ++i) {
    tensors.emplace_back(model.catalogue[i].name, model.parameters[i]);
  }
  write_safetensors(folder / "model.safetensors", tensors, {{"format", "pt"}});
  for (const std::string_view file : kTokenizerFiles) {
    if (std::filesystem::exists(model.source / file)) {
      std::filesystem::copy_file(model.source / file, folder / file);
    }
  }
  write_text_atomically(folder / "config.json", config_of(model).dump(2) + "\n");
}

}  // namespace

void check_export_folder(const std::filesystem::path& folder) {
  const bool is_free =
      !std::filesystem::exists(folder) || (std::filesystem::is_directory(folder) && std::filesystem::is_empty(folder));
  if (!is_free) throw ConfigError(folder.string() + ": exists; name a folder that does not, or an empty one");
}

void write_model_folder(const ExportedModel& model, const std::filesystem::path& folder) {
  check_export_folder(folder);
  make_folder(folder);
  try {
    write_files(model, folder);
  } catch (...) {
    std::error_code ignored;  // the first error tells more
    for (const std::string_view file : kTokenizerFiles) std::filesystem::remove(folder / file, ignored);
    std::filesystem::remove(folder / "model.safetensors", ignored);
    throw;
  }
}

}  // namespace tunescope
