#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "model/config/config_file.hpp"
#include "model/deberta/deberta.hpp"
#include "model/distilbert/distilbert.hpp"
#include "model/electra/electra.hpp"
#include "model/gpt2/gpt2.hpp"
#include "tunescope/model/bert/bert.hpp"
#include "tunescope/model/network.hpp"
#include "tunescope/model/roberta/roberta.hpp"

namespace tunescope {
namespace {

NetworkFile read_bert(const ConfigFile& config) {
  BertConfigFile file = read_bert_config(config);
  return {.network = make_bert(file.config), .notes = std::move(file.notes)};
}

struct Architecture {
  std::string_view model_type;
  NetworkFile (*read)(const ConfigFile& file);
};

constexpr std::array kArchitectures = {
    Architecture{"bert", read_bert},       Architecture{"roberta", read_roberta},
    Architecture{"electra", read_electra}, Architecture{"distilbert", read_distilbert},
    Architecture{"gpt2", read_gpt2},       Architecture{"deberta-v2", read_deberta}};

// Those whose names look as if they were among the others.
struct OtherArchitecture {
  std::string_view model_type;
  std::string_view what;
};
constexpr std::array kOthers = {
    OtherArchitecture{"deberta", "DeBERTa of the first version, whose tensors and tokenizer are others than v2's"},
    OtherArchitecture{"xlm-roberta", "RoBERTa's network with a tokenizer that is not supported"}};

[[noreturn]] void refuse(const ConfigFile& file, const std::string& model_type) {
  std::vector<std::string_view> known;
  for (const Architecture& architecture : kArchitectures) known.push_back(architecture.model_type);
  std::string expected = fmt::format("one of {}, the architectures that are supported", fmt::join(known, ", "));
  for (const auto& [other, what] : kOthers) {
    if (other == model_type) expected += fmt::format("; this is {}", what);
  }
  file.fail("model_type", expected);
}

}  // namespace

NetworkFile read_network(const std::filesystem::path& config_file) {
  const ConfigFile file(config_file);
  if (!file.is_given("model_type")) return read_bert(file);
  std::string model_type;
  file.word("model_type", model_type);
  for (const Architecture& architecture : kArchitectures) {
    if (architecture.model_type == model_type) return architecture.read(file);
  }
  refuse(file, model_type);
}

}  // namespace tunescope
