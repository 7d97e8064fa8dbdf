#include <spdlog/fmt/fmt.h>

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "model/config/read_encoder_config.hpp"
#include "model/deberta/deberta.hpp"

namespace tunescope {
namespace {

constexpr std::int64_t kMostKernel = 1 << 10;

// Keys that are lists of words: an array, or a string in which '|' separates them. Calls `take` with each.
template <typename Take>
void for_each_word(const ConfigFile& file, const char* key, Take take) {
  if (!file.is_given(key)) return;
  const nlohmann::json& value = file.json()[key];
  if (value.is_array()) {
    for (const nlohmann::json& word : value) {
      if (!word.is_string()) file.fail(key, "a list of words");
      take(word.get<std::string>());
    }
    return;
  }
  std::string words;
  file.word(key, words);
  for (std::size_t begin = 0; begin <= words.size();) {
    const std::size_t end = std::min(words.find('|', begin), words.size());
    std::string word = words.substr(begin, end - begin);
    std::erase(word, ' ');
    for (char& letter : word) letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
    take(word);
    begin = end + 1;
  }
}

// Sizes that follow from others, which transformers reads too: other values would need other tensors.
void check_implied(const ConfigFile& file, const char* key, std::int64_t implied) {
  std::int64_t value = implied;
  if (file.is_given(key)) file.whole(key, value, 1, kLargestDimension);
  if (value != implied) file.fail(key, fmt::format("{}, which the other sizes imply", implied));
}

void read_distances(const ConfigFile& file, DebertaConfig& config) {
  file.flag("relative_attention", config.has_distances);
  file.flag("share_att_key", config.shares_projections);
  std::int64_t most_distance = -1;
  file.whole("max_relative_positions", most_distance, -1, kLargestDimension);
  config.most_distance = most_distance < 1 ? config.encoder.max_position_embeddings : most_distance;
  std::int64_t buckets = -1;
  file.whole("position_buckets", buckets, -1, kLargestDimension);
  config.buckets = std::max<std::int64_t>(buckets, 0);
  if (config.buckets > 0 && (config.buckets < 4 || config.most_distance - 1 <= config.buckets / 2)) {
    file.fail("position_buckets",
              fmt::format("-1, or from 4 to less than twice {}, the largest distance (max_relative_positions - 1)",
                          config.most_distance - 1));
  }
  for_each_word(file, "norm_rel_ebd", [&](const std::string& word) {
    config.normalizes_distances = config.normalizes_distances || word == "layer_norm";
  });
  for_each_word(file, "pos_att_type", [&](const std::string& word) {
    if (word == "c2p") {
      config.query_to_position = true;
    } else if (word == "p2c") {
      config.position_to_key = true;
    } else if (word != "p2p" && !word.empty()) {  // transformers gives p2p no effect
      file.fail("pos_att_type", "c2p, p2c or both");
    }
  });
}

void read_convolution(const ConfigFile& file, DebertaConfig& config) {
  DebertaConvolution& convolution = config.convolution;
  file.whole("conv_kernel_size", convolution.kernel_size, 0, kMostKernel);
  if (convolution.kernel_size == 0) return;
  if (convolution.kernel_size % 2 == 0) file.fail("conv_kernel_size", "0 or an odd number: it has to keep the length");
  file.positive("conv_groups", convolution.groups, kLargestDimension);
  file.divides("conv_groups", convolution.groups, "hidden_size", config.encoder.hidden_size);
  file.activation("conv_act", convolution.activation);
}

}  // namespace

// Defaults are those of transformers' DebertaV2Config, and of its code where the class leaves a key out.
NetworkFile read_deberta(const ConfigFile& file) {
  DebertaConfig config;
  EncoderConfig& encoder = config.encoder;
  encoder.vocab_size = 128100;
  encoder.hidden_size = 1536;
  encoder.num_hidden_layers = encoder.num_attention_heads = 24;
  encoder.intermediate_size = 6144;
  encoder.type_vocab_size = 0;
  encoder.layer_norm_eps = 1e-7;
  NetworkFile network;
  check_keys(file, "deberta-v2", network.notes);
  read_encoder_config(file, encoder);
  const std::int64_t hidden = config.encoder.hidden_size;
  config.encoder.dropout.pooled = config.encoder.dropout.embeddings;
  file.probability("cls_dropout", config.encoder.dropout.pooled);
  file.probability("pooler_dropout", config.pooler_dropout);
  file.activation("pooler_hidden_act", config.pooler_activation);
  file.flag("position_biased_input", config.has_positions);
  if (file.is_given("embedding_size")) {
    file.positive("embedding_size", encoder.embedding_size.emplace(hidden), kLargestDimension);
  }
  check_implied(file, "attention_head_size", config.encoder.head_size());
  check_implied(file, "pooler_hidden_size", hidden);
  read_distances(file, config);
  read_convolution(file, config);
  network.network = make_deberta(config);
  return network;
}

}  // namespace tunescope
