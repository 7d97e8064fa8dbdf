#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>

#include "support/device.hpp"
#include "support/golden.hpp"
#include "tunescope/io/safetensors.hpp"

namespace tunescope::test {

/// The folders of tests/golden/model that make_architecture_golden.py writes, as parameters of tests.
inline auto architecture_goldens() {
  return ::testing::Values("roberta", "electra", "electra-square", "distilbert", "gpt2", "gpt2-switches", "deberta",
                           "deberta-convolution");
}

/// As GoogleTest wants names.
inline std::string without_hyphens(std::string name) {
  std::ranges::replace(name, '-', '_');
  return name;
}

inline std::string name_of_golden(const ::testing::TestParamInfo<const char*>& info) {
  return without_hyphens(info.param);
}

/// A random model of three labels, with its head, and what transformers computes with it.
struct ArchitectureGolden {
  explicit ArchitectureGolden(const std::string& name)
      : model(load_on_device(golden("model/" + name))),
        expected(Safetensors::open_file(golden("model/" + name + "/expected.safetensors"))) {
    const Safetensors weights = Safetensors::open_folder(golden("model/" + name));
    for (ParameterIndex i = catalogue.backbone_count(); i < catalogue.size(); ++i) {
      parameters.push_back(weights.float_tensor(catalogue[i].name).to(device()));
    }
  }

  void compute_in_float64() {
    for (at::Tensor& parameter : parameters) parameter = parameter.to(at::kDouble);
  }

  PretrainedModel model;
  ParameterCatalogue catalogue = model.network->catalogue(3);
  Parameters parameters = model.backbone;
  Safetensors expected;
};

}  // namespace tunescope::test
