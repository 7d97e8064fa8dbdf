#include "engine_subject.hpp"

#include <ATen/ops/full.h>
#include <ATen/ops/randn.h>
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <numeric>
#include <sstream>
#include <utility>

#include "model/deberta/deberta.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/model/bert/bert.hpp"
#include "tunescope/random/stream.hpp"
#include "tunescope/text/read_tokenizer.hpp"

namespace tunescope {
namespace {

std::shared_ptr<const Network> network_of(const std::string& name) {
  BertConfig config;  // BERT-base
  if (name == "deberta-v3-base") {
    config.vocab_size = 128100;
    config.type_vocab_size = 0;
    config.layer_norm_eps = 1e-7;
    return make_deberta({.encoder = config,
                         .has_positions = false,
                         .has_distances = true,
                         .buckets = 256,
                         .most_distance = config.max_position_embeddings,
                         .normalizes_distances = true,
                         .shares_projections = true,
                         .query_to_position = true,
                         .position_to_key = true});
  }
  if (name == "bert-large") {
    config.hidden_size = 1024;
    config.num_hidden_layers = 24;
    config.num_attention_heads = 16;
    config.intermediate_size = 4096;
  } else if (name == "minilm") {
    config.hidden_size = 384;
    config.num_hidden_layers = 6;
    config.intermediate_size = 1536;
  } else if (name != "bert-base") {
    throw ConfigError("--configuration is bert-large, bert-base, minilm or deberta-v3-base, not '" + name + "'");
  }
  return make_bert(config);
}

PretrainedModel random_model(std::shared_ptr<const Network> network, at::Device device) {
  PretrainedModel model{.network = std::move(network), .backbone = {}};
  const ParameterCatalogue catalogue = model.network->catalogue(1);
  const at::TensorOptions options = at::TensorOptions(at::kFloat).device(device);
  for (ParameterIndex i = 0; i < catalogue.backbone_count(); ++i) {
    const ParameterInfo& info = catalogue[i];
    const bool is_drawn = !info.is_bias && !info.is_layer_norm();
    model.backbone.push_back(is_drawn ? at::randn(info.shape, options).mul_(model.network->initializer_range())
                                      : at::full(info.shape, info.is_bias ? 0.0 : 1.0, options));
  }
  return model;
}

PretrainedModel load_model(const Options& options, at::Device device) {
  const std::string& configuration = options.at("configuration");
  PretrainedModel model =
      configuration.empty() ? load_pretrained(options.at("model")) : random_model(network_of(configuration), device);
  move_to(model, device);
  return model;
}

at::Device parse_device(const std::string& name) {
  if (name == "cpu") return at::kCPU;
  if (name == "cuda") return {at::kCUDA, 0};
  throw ConfigError("--device is cpu or cuda, not '" + name + "'");
}

std::optional<Bfloat16Weights> weights_for(const std::string& precision, const PretrainedModel& model) {
  if (precision == "float32" || precision == "tf32") return std::nullopt;
  if (precision == "bfloat16") return std::optional<Bfloat16Weights>(model);
  throw ConfigError("--precision is float32, tf32 or bfloat16, not '" + precision + "'");
}

// Examples of random words, all of one length or, if `length` is "mixed", of 8 to 128 tokens.
Dataset random_examples(const std::string& length, std::int64_t count, const NetworkLimits& limits) {
  Dataset dataset;
  RandomStream random(1);
  const auto vocabulary = static_cast<std::uint64_t>(limits.vocabulary);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto tokens = length == "mixed" ? 8 + random.below(121) : std::stoull(length);
    for (std::uint64_t t = 0; t < tokens; ++t) {
      dataset.token_ids.push_back(static_cast<std::int32_t>(random.below(vocabulary)));
    }
    dataset.type_ids.resize(dataset.token_ids.size(), 0);
    dataset.offsets.push_back(static_cast<std::int64_t>(dataset.token_ids.size()));
    dataset.labels.push_back(static_cast<float>(random.below(2)));
  }
  return dataset;
}

Dataset examples_of_task(const Options& options, const Task& task) {
  const std::unique_ptr<const Tokenizer> tokenizer = read_tokenizer(options.at("model"));
  const DataOptions data{.glue_folder = options.at("glue"),
                         .cache_folder = options.at("cache"),
                         .max_length = std::stoll(options.at("max_length"))};
  const TaskData loaded = load_task(task, *tokenizer, data, [](const std::string&) {});
  return subsample(loaded.train, std::stoll(options.at("examples")));
}

}  // namespace

std::vector<std::string> words_of(const Options& options, const std::string& name) {
  std::vector<std::string> words;
  std::istringstream text(options.at(name));
  for (std::string word; std::getline(text, word, ',');) words.push_back(word);
  return words;
}

Subject::Subject(const Options& options)
    : device(parse_device(options.at("device"))),
      task(glue_task(options.at("configuration").empty() ? options.at("task") : "SST-2")),
      model(load_model(options, device)),
      catalogue(model.network->catalogue(task.output_size())),
      parameters(with_new_head(model, catalogue, 1)),
      bfloat16_weights(weights_for(options.at("precision"), model)),
      tf32_products(options.at("precision") == "tf32") {
  if (options.at("configuration").empty()) {
    workloads.push_back({.suffix = "", .dataset = examples_of_task(options, task), .batches = {}});
  } else {
    for (const std::string& length : words_of(options, "lengths")) {
      workloads.push_back(
          {.suffix = "/length:" + length,
           .dataset = random_examples(length, std::stoll(options.at("examples")), model.network->limits()),
           .batches = {}});
    }
  }
  const std::int64_t batch_size = std::stoll(options.at("batch_size"));
  for (Workload& workload : workloads) {
    for (std::int64_t first = 0; first < workload.dataset.size(); first += batch_size) {
      std::vector<std::int64_t> examples(
          static_cast<std::size_t>(std::min(batch_size, workload.dataset.size() - first)));
      std::iota(examples.begin(), examples.end(), first);
      workload.batches.push_back(pack(workload.dataset, examples, task.is_regression()));
    }
  }
}

}  // namespace tunescope
