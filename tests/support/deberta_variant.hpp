#pragma once

#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/golden.hpp"
#include "support/golden_batch.hpp"
#include "support/temporary_folder.hpp"
#include "tunescope/io/safetensors.hpp"
#include "tunescope/model/network.hpp"

namespace tunescope::test {

inline nlohmann::json deberta_json(const std::string& name) {
  return nlohmann::json::parse(std::ifstream(golden("model/deberta-variants/" + name)));
}

inline std::shared_ptr<const Network> read_changed(const nlohmann::json& changed) {
  nlohmann::json config = deberta_json("config.json");
  config.update(changed);
  const TemporaryFolder folder;
  return read_network(folder.write("config.json", config.dump())).network;
}

/// A small network with some switches thrown, and what transformers computes with it.
struct DebertaVariant {
  explicit DebertaVariant(const std::string& name)
      : prefix(name + "."), network(read_changed(deberta_json("variants.json")[name])) {}

  Parameters parameters(at::ScalarType type) const {
    Parameters all;
    for (const ParameterInfo& info : catalogue.parameters()) all.push_back(file.tensor(prefix + info.name).to(type));
    return all;
  }

  std::string prefix;
  std::shared_ptr<const Network> network;
  const Safetensors file = Safetensors::open_file(golden("model/deberta-variants/variants.safetensors"));
  ParameterCatalogue catalogue = network->catalogue(3);
  PackedBatch batch = golden_batch(file, file.tensor("labels"));
};

inline std::vector<std::string> deberta_variants() {
  std::vector<std::string> names;
  const nlohmann::json variants = deberta_json("variants.json");
  for (const auto& item : variants.items()) names.push_back(item.key());
  return names;
}

}  // namespace tunescope::test
