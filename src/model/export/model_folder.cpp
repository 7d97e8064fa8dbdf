#include "tunescope/model/export/model_folder.hpp"

#include <array>
#include <nlohmann/json.hpp>
#include <string_view>

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
  config["architectures"] = OrderedJson::array({std::string(model.network().classifier_class())});
  config["model_type"] = std::string(model.network().model_type());
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
  const Parameters merged = model.additions.merged(model.parameters);
  NamedTensors tensors;
  for (ParameterIndex i = 0; i < merged.size(); ++i) tensors.emplace_back(model.catalogue()[i].name, merged[i]);
  write_safetensors(folder / "model.safetensors", tensors, {{"format", "pt"}});
  for (const std::string_view file : kTokenizerFiles) {
    if (std::filesystem::exists(model.source / file)) {
      std::filesystem::copy_file(model.source / file, folder / file);
    }
  }
  write_text_atomically(folder / "config.json", config_of(model).dump(2) + "\n");
}

}  // namespace

std::string model_folder_problem(const ExportedModel& model) {
  return model.additions.unmerged().empty() ? "" : "adds layers that are no part of transformers' models";
}

void write_model_folder(const ExportedModel& model, const std::filesystem::path& folder) {
  check_export_folder(folder);
  write_folder_atomically(folder, [&](const std::filesystem::path& temporary) { write_files(model, temporary); });
}

}  // namespace tunescope
