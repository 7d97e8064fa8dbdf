#include "tunescope/model/pretrained.hpp"

#include <ATen/ops/aminmax.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include <cmath>
#include <set>
#include <utility>

#include "checkpoint_names.hpp"
#include "random_tensor.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/base/hash.hpp"
#include "tunescope/io/hub_folder.hpp"
#include "tunescope/io/safetensors.hpp"
#include "tunescope/random/stream.hpp"

namespace tunescope {
namespace {

// A tensor of an integer type holds quantization codes. Without their scale they are no weights.
void refuse_whole_numbers(const Safetensors& file, const std::string& stored, const std::filesystem::path& folder) {
  if (at::isFloatingType(file.type(stored))) return;
  throw ModelError(fmt::format(
      "{}: tensor {} has type {}, whole numbers: quantized weights are not supported; take those from before "
      "quantization, or let transformers dequantize and save them",
      folder.string(), stored, file.type_name(stored)));
}

// The signs of a damaged copy: tensors with values that are not finite, and matrices that are all zeros.
struct Damage {
  std::vector<std::string> not_finite;
  std::vector<std::string> zero;

  void check(const at::Tensor& tensor, const ParameterInfo& parameter) {
    const auto [smallest, largest] = at::aminmax(tensor);
    const float low = smallest.item<float>();
    const float high = largest.item<float>();
    if (!std::isfinite(low) || !std::isfinite(high)) not_finite.push_back(parameter.name);
    if (parameter.is_matrix() && low == 0.0F && high == 0.0F) zero.push_back(parameter.name);
  }

  void warn(std::vector<std::string>& warnings) const {
    constexpr std::string_view kText =
        "the weights have {} in {} tensor{}, the first is {}; compare the file with its source";
    const auto add = [&](std::string_view what, const std::vector<std::string>& names) {
      if (names.empty()) return;
      warnings.push_back(fmt::format(kText, what, names.size(), names.size() == 1 ? "" : "s", names.front()));
    };
    add("values that are not finite", not_finite);
    add("nothing but zeros", zero);
  }
};

// The types, other than float32, in which the backbone is stored.
std::set<std::string> other_types(const Safetensors& file, const CheckpointNames& names) {
  std::set<std::string> types;
  for (const std::optional<std::string>& stored : names.stored) {
    if (stored && file.type(*stored) != at::kFloat) types.insert(file.type_name(*stored));
  }
  return types;
}

void note_names(const Safetensors& file, const CheckpointNames& names, FolderNotes& notes) {
  if (const auto types = other_types(file, names); !types.empty()) {
    notes.notes.push_back(fmt::format("stored as {}, computed with in float32", fmt::join(types, " and ")));
  }
  if (names.left_out.empty()) return;
  notes.notes.push_back("left out: " + summarize_names(names.left_out) + "; each trial draws a head of its own");
}

void note_new_pooler(const ParameterCatalogue& catalogue, FolderNotes& notes) {
  const auto is_weight = [](const ParameterInfo& info) { return info.block == Block::kPooler && info.is_matrix(); };
  const std::string& weight = std::ranges::find_if(catalogue.parameters(), is_weight)->name;
  const std::string layer = weight.substr(0, weight.rfind('.'));
  notes.notes.push_back(fmt::format("newly drawn: {} (the file has no pooler)", layer));
  notes.warnings.push_back(fmt::format(
      "the weights have no pooler: each trial draws {} from its seed, normal with initializer_range, as transformers "
      "does; methods that do not train it leave it so",
      layer));
}

// What is wrong with a folder that has no config.json, as far as it is known; else empty.
std::string problem_without_config(const std::filesystem::path& folder) {
  if (!std::filesystem::exists(folder / "adapter_config.json")) return hub_cache_problem(folder);
  return folder.string() +
         ": is an adapter of PEFT, not a model; give the folder of a model that has it merged, as `tunescope export` "
         "or merge_and_unload of PEFT writes it";
}

}  // namespace

PretrainedModel load_pretrained(const std::filesystem::path& folder) {
  if (!std::filesystem::is_directory(folder)) {
    throw ModelError(folder.string() + ": no such folder; [model] path must be a Hugging Face model folder");
  }
  const bool has_config = std::filesystem::exists(folder / "config.json");
  if (const std::string problem = has_config ? "" : problem_without_config(folder); !problem.empty()) {
    throw ModelError(problem);
  }
  NetworkFile network = read_network(folder / "config.json");
  PretrainedModel model{.network = std::move(network.network), .backbone = {}, .notes = std::move(network.notes)};
  const Safetensors file = Safetensors::open_folder(folder);
  const ParameterCatalogue catalogue = model.network->catalogue(1);
  const CheckpointNames names = match_names(file, *model.network, folder);
  note_names(file, names, model.notes);
  Damage damage;
  for (ParameterIndex i = 0; i < names.stored.size(); ++i) {
    const std::optional<std::string>& stored = names.stored[i];
    if (stored) refuse_whole_numbers(file, *stored, folder);
    model.backbone.push_back(stored ? file.float_tensor(*stored)
                                    : at::zeros(catalogue[i].shape, at::TensorOptions().dtype(at::kFloat)));
    if (stored) damage.check(model.backbone.back(), catalogue[i]);
  }
  damage.warn(model.notes.warnings);
  model.has_pooler = names.has_pooler;
  if (!model.has_pooler) note_new_pooler(catalogue, model.notes);
  move_to(model, at::kCPU);
  return model;
}

void move_to(PretrainedModel& model, at::Device device) {
  for (at::Tensor& tensor : model.backbone) tensor = tensor.to(device);
  for (const std::vector<ParameterIndex>& group : model.network->joint_tensors()) {
    std::vector<at::Tensor> tensors;
    for (const ParameterIndex index : group) tensors.push_back(model.backbone[index]);
    const at::Tensor together = at::cat(tensors);
    std::int64_t begin = 0;
    for (const ParameterIndex index : group) {
      const std::int64_t width = model.backbone[index].size(0);
      model.backbone[index] = together.narrow(0, begin, width);
      begin += width;
    }
  }
  model.packed_weights = std::make_shared<PackedWeights>(model.network->catalogue(1), model.backbone);
}

std::string model_content_hash(const std::filesystem::path& folder) {
  const std::string weights = Safetensors::open_folder(folder).content_hash();
  const std::filesystem::path config = folder / "config.json";
  if (!std::filesystem::is_regular_file(config)) throw ModelError(config.string() + ": no such file");
  return sha256_hex(sha256_hex_of_file(config) + weights);
}

Parameters with_new_head(const PretrainedModel& model, const ParameterCatalogue& catalogue, std::uint64_t seed) {
  Parameters parameters = model.backbone;
  parameters.resize(catalogue.size());
  const at::Device device = model.backbone.front().device();
  std::uint64_t head_matrices = 0;
  for (ParameterIndex i = 0; i < catalogue.size(); ++i) {
    const ParameterInfo& info = catalogue[i];
    const bool is_drawn = info.is_head() || (info.block == Block::kPooler && !model.has_pooler);
    if (!is_drawn) continue;
    if (info.is_bias) {
      parameters[i] = at::zeros(info.shape, at::TensorOptions().dtype(at::kFloat).device(device));
      continue;
    }
    const std::uint64_t key =
        info.is_head() ? random_key(seed, RandomUse::kHead, head_matrices++) : random_key(seed, RandomUse::kPooler);
    parameters[i] = normal_tensor(info.shape, model.network->initializer_range(), key).to(device);
  }
  return parameters;
}

}  // namespace tunescope
