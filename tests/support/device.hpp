#pragma once

#include <c10/core/Device.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

#include "tunescope/model/pretrained.hpp"

namespace tunescope::test {

/// Where tests that make sense on any device compute: on the CPU, or on the GPU if TUNESCOPE_TEST_DEVICE is cuda.
inline at::Device device() {
  const char* variable = std::getenv("TUNESCOPE_TEST_DEVICE");
  const std::string name = variable != nullptr ? variable : "cpu";
  if (name == "cpu") return at::kCPU;
  if (name == "cuda") return {at::kCUDA, 0};
  throw std::invalid_argument("TUNESCOPE_TEST_DEVICE is cpu or cuda, not '" + name + "'");
}

/// A model with its tensors on that device.
inline PretrainedModel load_on_device(const std::filesystem::path& folder) {
  PretrainedModel model = load_pretrained(folder);
  move_to(model, device());
  return model;
}

}  // namespace tunescope::test
