#include "tunescope/model/export/peft_folder.hpp"

#include <ATen/ops/cat.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "tunescope/io/atomic_file.hpp"
#include "tunescope/io/safetensors.hpp"

namespace tunescope {
namespace {

using OrderedJson = nlohmann::ordered_json;
using Modules = std::set<std::string>;

std::string module_of(const std::string& tensor) { return tensor.substr(0, tensor.rfind('.')); }

bool is_trained(const ExportedModel& model, ParameterIndex index) {
  return index >= model.pretrained.backbone.size() ||
         !model.parameters[index].is_same(model.pretrained.backbone[index]);
}

// The modules of the model itself that hold trained tensors, and the trained tensors that no module may be saved for.
struct TrainedModules {
  Modules layer_norms;
  Modules others;  // the head and the pooler
  std::vector<std::string> unknown;
};

TrainedModules find_trained_modules(const ExportedModel& model) {
  TrainedModules found;
  for (ParameterIndex i = 0; i < model.additions.model_size(); ++i) {
    const ParameterInfo& info = model.catalogue()[i];
    if (info.is_head()) {
      found.others.insert(info.name.substr(0, info.name.find('.')));
    } else if (!is_trained(model, i)) {
      continue;
    } else if (info.is_layer_norm()) {
      found.layer_norms.insert(module_of(info.name));
    } else if (info.block == Block::kPooler) {
      found.others.insert(module_of(info.name));
    } else {
      found.unknown.push_back(info.name);
    }
  }
  return found;
}

// A layer that something is added to.
struct ChangedLayer {
  std::string module;
  const LayerAdditions& added;
  std::int64_t inputs = 0;
  std::int64_t outputs = 0;
  bool is_in_out = false;
};

std::vector<ChangedLayer> changed_layers(const ExportedModel& model) {
  std::vector<ChangedLayer> layers;
  for (ParameterIndex i = 0; i < model.additions.model_size(); ++i) {
    const LayerAdditions* const added = model.additions.of(i);
    if (added == nullptr) continue;
    const ParameterInfo& info = model.catalogue()[i];
    const LinearParameters layer{.weight = i, .layout = info.layout};
    layers.push_back({.module = module_of(info.name),
                      .added = *added,
                      .inputs = layer.inputs(info.shape),
                      .outputs = layer.outputs(info.shape),
                      .is_in_out = info.layout == WeightLayout::kInOut});
  }
  return layers;
}

bool has_low_rank(const ChangedLayer& layer) { return !layer.added.low_rank.empty(); }
bool has_vectors(const ChangedLayer& layer) { return !layer.added.inputs.empty() || !layer.added.outputs.empty(); }

// What is written: the configuration, and the tensors under PEFT's names.
class PeftFolder {
 public:
  explicit PeftFolder(const ExportedModel& model)
      : model_(model), layers_(changed_layers(model)), trained_(find_trained_modules(model)) {
    if (std::ranges::any_of(layers_, has_low_rank)) {
      begin("LORA");
      add_low_rank();
    } else if (!layers_.empty()) {
      begin("IA3");
      add_vectors();
    } else {
      begin("LN_TUNING");
      config_["target_modules"] = trained_.layer_norms;
      for (const std::string& module : trained_.layer_norms) add_module(module, "ln_tuning_layers.");
    }
    Modules saved = trained_.others;
    if (!layers_.empty()) saved.insert(trained_.layer_norms.begin(), trained_.layer_norms.end());
    config_["modules_to_save"] = saved;
    for (const std::string& module : saved) add_module(module, "");
  }

  void write(const std::filesystem::path& folder) const {
    write_safetensors(folder / "adapter_model.safetensors", tensors_, {{"format", "pt"}});
    write_text_atomically(folder / "adapter_config.json", config_.dump(2) + "\n");
  }

 private:
  void begin(const char* peft_type) {
    config_["peft_type"] = peft_type;
    config_["task_type"] = "SEQ_CLS";
    config_["base_model_name_or_path"] = std::filesystem::absolute(model_.source).lexically_normal().string();
    config_["inference_mode"] = true;
    if (layers_.empty()) return;
    Modules targets;
    for (const ChangedLayer& layer : layers_) targets.insert(layer.module);
    config_["target_modules"] = targets;
    config_["fan_in_fan_out"] = layers_.front().is_in_out;
  }

  void add(const std::string& name, at::Tensor tensor) {
    tensors_.emplace_back("base_model.model." + name, std::move(tensor));
  }

  // All tensors of a module, whose names get `infix` before their last part.
  void add_module(const std::string& module, const std::string& infix) {
    for (ParameterIndex i = 0; i < model_.additions.model_size(); ++i) {
      const std::string& name = model_.catalogue()[i].name;
      if (!name.starts_with(module + ".")) continue;
      add(module + "." + infix + name.substr(module.size() + 1), model_.parameters[i]);
    }
  }

  void add_low_rank() {
    const LowRank& first = layers_.front().added.low_rank.front();
    const std::int64_t rank = model_.parameters[first.down].size(0);
    config_["r"] = rank;
    config_["lora_alpha"] = alpha_of(first, rank);
    config_["lora_dropout"] = first.dropout;
    config_["use_rslora"] = first.is_rank_stabilized;
    config_["bias"] = "none";
    OrderedJson ranks = OrderedJson::object();
    OrderedJson alphas = OrderedJson::object();
    for (const ChangedLayer& layer : layers_) {
      const std::int64_t rank_of_layer = add_matrices(layer);
      if (rank_of_layer == rank) continue;
      ranks[layer.module] = rank_of_layer;
      alphas[layer.module] = alpha_of(first, rank_of_layer);
    }
    config_["rank_pattern"] = ranks;
    config_["alpha_pattern"] = alphas;
  }

  // With which a matrix of this rank is multiplied by the scale of LoRA, but for the rounding of a division.
  static double alpha_of(const LowRank& lora, std::int64_t rank) {
    constexpr double kDecimals = 1e9;
    const auto exact = static_cast<double>(rank);
    const double alpha = lora.scale * (lora.is_rank_stabilized ? std::sqrt(exact) : exact);
    return std::round(alpha * kDecimals) / kDecimals;
  }

  // Lays the matrices of the layer's parts side by side, and returns their rank together.
  std::int64_t add_matrices(const ChangedLayer& layer) {
    std::vector<at::Tensor> down;  // [r, in]
    std::int64_t rank = 0;
    for (const LowRank& part : layer.added.low_rank) {
      down.push_back(model_.parameters[part.down]);
      rank += down.back().size(0);
    }
    const at::Tensor up = at::zeros({layer.outputs, rank}, down.front().options());
    std::int64_t begin = 0;
    for (const LowRank& part : layer.added.low_rank) {
      const at::Tensor& of_part = model_.parameters[part.up];
      up.narrow(0, part.columns.first, part.columns.count).narrow(1, begin, of_part.size(1)).copy_(of_part);
      begin += of_part.size(1);
    }
    add(layer.module + ".lora_A.weight", at::cat(down));
    add(layer.module + ".lora_B.weight", up);
    return rank;
  }

  void add_vectors() {
    Modules of_inputs;
    for (const ChangedLayer& layer : layers_) {
      const bool is_of_inputs = !layer.added.inputs.empty();
      if (is_of_inputs) of_inputs.insert(layer.module);
      const at::Tensor vector =
          at::ones(is_of_inputs ? layer.inputs : layer.outputs, model_.parameters.front().options());
      for (const Rescale& part : is_of_inputs ? layer.added.inputs : layer.added.outputs) {
        vector.narrow(0, part.columns.first, part.columns.count).copy_(model_.parameters[part.vector]);
      }
      add(layer.module + ".ia3_l", vector.unsqueeze(is_of_inputs ? 0 : 1));
    }
    config_["feedforward_modules"] = of_inputs;
  }

  const ExportedModel& model_;
  std::vector<ChangedLayer> layers_;
  TrainedModules trained_;
  OrderedJson config_;
  NamedTensors tensors_;
};

}  // namespace

std::string peft_folder_problem(const ExportedModel& model) {
  if (!model.additions.unmerged().empty()) return "adds layers that PEFT does not have";
  const std::vector<ChangedLayer> layers = changed_layers(model);
  if (std::ranges::any_of(layers, has_low_rank) && std::ranges::any_of(layers, has_vectors)) {
    return "adds the matrices of LoRA and the vectors of IA3, and a folder of PEFT holds one method";
  }
  const TrainedModules trained = find_trained_modules(model);
  if (!trained.unknown.empty()) {
    const std::string others =
        trained.unknown.size() > 1 ? fmt::format(" and {} other tensors", trained.unknown.size() - 1) : "";
    return fmt::format("trains {}{}, and PEFT has methods for LayerNorm, LoRA and IA3 alone", trained.unknown.front(),
                       others);
  }
  return layers.empty() && trained.layer_norms.empty() ? "trains the head alone, for which PEFT has no method" : "";
}

void write_peft_folder(const ExportedModel& model, const std::filesystem::path& folder) {
  check_export_folder(folder);
  const PeftFolder written(model);
  write_folder_atomically(folder, [&](const std::filesystem::path& temporary) { written.write(temporary); });
}

}  // namespace tunescope
