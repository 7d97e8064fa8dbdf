#include "tunescope/model/pretrained.hpp"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include <algorithm>
#include <array>

#include "tunescope/error.hpp"
#include "tunescope/hash.hpp"
#include "tunescope/model/safetensors.hpp"
#include "tunescope/random/stream.hpp"

namespace tunescope {
namespace {

constexpr std::string_view kPrefix = "bert.";
constexpr std::size_t kReportedTensors = 5;

// Tensors that checkpoints carry beside the encoder: the heads of pre-training or of an earlier fine-tuning, and a
// buffer of position numbers that old versions of transformers saved.
bool is_ignored(const std::string& name) {
  constexpr std::array<std::string_view, 3> kHeads = {"cls.", "classifier.", "qa_outputs."};
  return std::any_of(kHeads.begin(), kHeads.end(), [&](std::string_view head) { return name.starts_with(head); }) ||
         name.ends_with("embeddings.position_ids") || name.ends_with("embeddings.token_type_ids");
}

// TensorFlow conversions call LayerNorm's weight and bias gamma and beta.
std::string canonical_name(const std::string& stored) {
  std::string name = stored.starts_with(kPrefix) ? stored : std::string(kPrefix) + stored;
  if (name.ends_with("LayerNorm.gamma")) return name.substr(0, name.size() - 5) + "weight";
  if (name.ends_with("LayerNorm.beta")) return name.substr(0, name.size() - 4) + "bias";
  return name;
}

std::string list(std::vector<std::string> names) {
  const std::size_t count = names.size();
  if (count <= kReportedTensors) return fmt::format("{}", fmt::join(names, ", "));
  names.resize(kReportedTensors);
  return fmt::format("{} and {} more", fmt::join(names, ", "), count - kReportedTensors);
}

// Stored name of each of the model's tensors, by catalogue index.
std::vector<std::string> match_names(const Safetensors& file, const ParameterCatalogue& catalogue,
                                     std::size_t backbone_count, const std::filesystem::path& folder) {
  std::map<std::string, std::string> stored_names;
  for (const std::string& stored : file.names()) {
    if (is_ignored(stored)) continue;
    const auto [earlier, is_new] = stored_names.emplace(canonical_name(stored), stored);
    if (!is_new) {
      throw ModelError(fmt::format("{}: tensors {} and {} are the same parameter; unexpected: {}", folder.string(),
                                   earlier->second, stored, stored));
    }
  }
  std::vector<std::string> matched;
  std::vector<std::string> missing;
  std::vector<std::string> misshapen;
  for (ParameterIndex i = 0; i < backbone_count; ++i) {
    const ParameterInfo& parameter = catalogue[i];
    const auto found = stored_names.find(parameter.name);
    if (found == stored_names.end()) {
      missing.push_back(parameter.name);
      continue;
    }
    matched.push_back(found->second);
    if (file.shape(found->second) != parameter.shape) {
      misshapen.push_back(fmt::format("{} [{}] where config.json means [{}]", found->second,
                                      fmt::join(file.shape(found->second), ", "), fmt::join(parameter.shape, ", ")));
    }
    stored_names.erase(found);
  }
  std::vector<std::string> unexpected;
  for (const auto& [canonical, stored] : stored_names) unexpected.push_back(stored);
  std::string problems;
  if (!missing.empty()) problems += "; missing: " + list(missing);
  if (!misshapen.empty()) problems += "; wrongly shaped: " + list(misshapen);
  if (!unexpected.empty()) problems += "; unexpected: " + list(unexpected);
  if (!problems.empty()) {
    throw ModelError(fmt::format("{}: the weights do not fit config.json{}", folder.string(), problems));
  }
  return matched;
}

}  // namespace

PretrainedModel load_pretrained(const std::filesystem::path& folder) {
  if (!std::filesystem::is_directory(folder)) {
    throw ModelError(folder.string() + ": no such folder; [model] path must be a Hugging Face model folder");
  }
  PretrainedModel model{.config = read_bert_config(folder / "config.json"), .backbone = {}};
  const Safetensors file = Safetensors::open_folder(folder);
  const ParameterCatalogue catalogue(model.config, 1);
  const std::size_t backbone_count = catalogue.classifier.weight;
  for (const std::string& stored : match_names(file, catalogue, backbone_count, folder)) {
    model.backbone.push_back(file.float_tensor(stored));
  }
  move_to(model, at::kCPU);
  return model;
}

void move_to(PretrainedModel& model, at::Device device) {
  for (at::Tensor& tensor : model.backbone) tensor = tensor.to(device);
  for (const EncoderLayerParameters& layer : ParameterCatalogue(model.config, 1).layers) {
    const std::array<at::Tensor*, 3> weights = {&model.backbone[layer.query.weight], &model.backbone[layer.key.weight],
                                                &model.backbone[layer.value.weight]};
    const at::Tensor together = at::cat({*weights[0], *weights[1], *weights[2]});
    for (std::size_t i = 0; i < weights.size(); ++i) {
      const std::int64_t width = weights[i]->size(0);
      *weights[i] = together.narrow(0, static_cast<std::int64_t>(i) * width, width);
    }
  }
}

std::string model_content_hash(const std::filesystem::path& folder) {
  const std::string weights = Safetensors::open_folder(folder).content_hash();
  const std::filesystem::path config = folder / "config.json";
  if (!std::filesystem::is_regular_file(config)) throw ModelError(config.string() + ": no such file");
  return sha256_hex(sha256_hex_of_file(config) + weights);
}

Parameters with_new_head(const PretrainedModel& model, const ParameterCatalogue& catalogue, std::uint64_t seed) {
  Parameters parameters = model.backbone;
  at::Tensor weight = at::empty(catalogue[catalogue.classifier.weight].shape, at::TensorOptions().dtype(at::kFloat));
  RandomStream random(random_key(seed, RandomUse::kHead));
  float* values = weight.mutable_data_ptr<float>();
  for (std::int64_t i = 0; i < weight.numel(); ++i) {
    values[i] = static_cast<float>(model.config.initializer_range * random.normal());
  }
  const at::Device device = model.backbone.front().device();
  parameters.push_back(weight.to(device));
  parameters.push_back(
      at::zeros(catalogue[catalogue.classifier.bias].shape, at::TensorOptions().dtype(at::kFloat)).to(device));
  return parameters;
}

}  // namespace tunescope
