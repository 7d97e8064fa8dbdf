#include <array>
#include <string>
#include <string_view>

#include "model/config/config_file.hpp"
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

constexpr std::array kArchitectures = {Architecture{"bert", read_bert}, Architecture{"roberta", read_roberta}};

}  // namespace

NetworkFile read_network(const std::filesystem::path& config_file) {
  const ConfigFile file(config_file);
  if (file.is_given("model_type")) {
    std::string model_type;
    file.word("model_type", model_type);
    for (const Architecture& architecture : kArchitectures) {
      if (architecture.model_type == model_type) return architecture.read(file);
    }
  }
  return read_bert(file);  // which says what it expects
}

}  // namespace tunescope
