#include "tunescope/model/bert/bert.hpp"
#include "tunescope/model/network.hpp"

namespace tunescope {

NetworkFile read_network(const std::filesystem::path& config_file) {
  BertConfigFile file = read_bert_config(config_file);
  return {.network = make_bert(file.config), .notes = std::move(file.notes)};
}

}  // namespace tunescope
