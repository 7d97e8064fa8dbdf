#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tunescope/data/dataset.hpp"
#include "tunescope/data/packed_batch.hpp"
#include "tunescope/device/libtorch_settings.hpp"
#include "tunescope/model/pretrained.hpp"
#include "tunescope/model/weights/bfloat16_weights.hpp"

namespace tunescope {

/// The options of engine_benchmark, by name.
using Options = std::map<std::string, std::string>;

/// The words of an option that is a list, "11,64,128".
std::vector<std::string> words_of(const Options& options, const std::string& name);

/// Some examples, in batches on the device.
struct Workload {
  std::string suffix;  ///< of the names of its benchmarks, such as "/length:64"; none for examples of a task
  Dataset dataset;
  std::vector<PackedBatch> batches;
};

/// What the benchmarks of the engine share: a model and examples. They are read from a model folder and a GLUE folder,
/// or, with a configuration's name, drawn at random, which will do for time.
struct Subject {
  /// Throws `ConfigError` if an option has no meaning.
  explicit Subject(const Options& options);

  const Bfloat16Weights* bfloat16() const { return bfloat16_weights ? &*bfloat16_weights : nullptr; }
  /// The type of the operands of matrix products.
  at::ScalarType operand_type() const { return bfloat16_weights ? at::kBFloat16 : at::kFloat; }

  at::Device device;
  const Task& task;
  PretrainedModel model;
  ParameterCatalogue catalogue;
  Parameters parameters;
  std::optional<Bfloat16Weights> bfloat16_weights;
  Tf32Products tf32_products;
  std::vector<Workload> workloads;
};

}  // namespace tunescope
