#pragma once

#include <array>
#include <string>
#include <vector>

#include "support/collected_gradients.hpp"
#include "support/device.hpp"
#include "support/golden.hpp"
#include "tunescope/data/task.hpp"
#include "tunescope/fisher/diagonal.hpp"
#include "tunescope/io/safetensors.hpp"

namespace tunescope::test {

/// The examples of tests/golden/fisher: token and type ids, offsets and labels.
inline Dataset golden_examples(const Safetensors& file, const std::string& labels) {
  const auto copy = [&](const std::string& name, auto& target) {
    const at::Tensor tensor = file.tensor(name).to(at::kLong);
    const auto* first = tensor.const_data_ptr<std::int64_t>();
    target.assign(first, first + tensor.numel());
  };
  Dataset dataset;
  copy("input_ids", dataset.token_ids);
  copy("type_ids", dataset.type_ids);
  copy("offsets", dataset.offsets);
  const at::Tensor values = file.tensor(labels).to(at::kFloat);
  dataset.labels.assign(values.const_data_ptr<float>(), values.const_data_ptr<float>() + values.numel());
  return dataset;
}

/// The examples `times` over, one after another.
inline Dataset repeat(const Dataset& dataset, int times) {
  Dataset repeated;
  for (int i = 0; i < times; ++i) {
    const auto append = [](auto& target, const auto& source) {
      target.insert(target.end(), source.begin(), source.end());
    };
    append(repeated.token_ids, dataset.token_ids);
    append(repeated.type_ids, dataset.type_ids);
    append(repeated.labels, dataset.labels);
    const std::int64_t first = repeated.offsets.back();
    for (std::size_t b = 1; b < dataset.offsets.size(); ++b) repeated.offsets.push_back(first + dataset.offsets[b]);
  }
  return repeated;
}

/// One of the examples.
inline Dataset only(const Dataset& dataset, std::size_t example) {
  const auto first = dataset.offsets[example];
  const auto last = dataset.offsets[example + 1];
  const auto part = [&](const auto& of_all) { return std::vector(of_all.begin() + first, of_all.begin() + last); };
  Dataset one;
  one.token_ids = part(dataset.token_ids);
  one.type_ids = part(dataset.type_ids);
  one.offsets = {0, last - first};
  one.labels = {dataset.labels[example]};
  return one;
}

inline constexpr std::array kFisherModes = {FisherMode::kEmpirical, FisherMode::kTrue, FisherMode::kSampled,
                                            FisherMode::kHutchinson};

/// The distance of two tensors over the length of the expected one.
inline double relative_l2(const at::Tensor& actual, const at::Tensor& expected) {
  const at::Tensor reference = expected.to(at::kCPU, at::kDouble);
  return actual.to(at::kCPU, at::kDouble).sub(reference).norm().item<double>() / reference.norm().item<double>();
}

/// The tiny random BERT of tests/golden/model, on the device of the tests, with the examples of tests/golden/fisher.
struct FisherCase {
  explicit FisherCase(bool is_regression = false)
      : task(glue_task(is_regression ? "STS-B" : "MNLI")),
        catalogue(model.network->catalogue(task.output_size())),
        parameters(model.backbone),
        dataset(golden_examples(golden_file, is_regression ? "regression.labels" : "labels")) {
    const std::string prefix = is_regression ? "regression." : "";
    const Safetensors head = is_regression ? Safetensors::open_file(golden("model/tiny/expected.safetensors"))
                                           : Safetensors::open_folder(golden("model/tiny"));
    parameters.push_back(head.float_tensor(prefix + "classifier.weight").to(device()));
    parameters.push_back(head.float_tensor(prefix + "classifier.bias").to(device()));
  }

  FisherInputs inputs(FisherMode mode = FisherMode::kEmpirical) const {
    return {.network = *model.network,
            .catalogue = catalogue,
            .parameters = parameters,
            .dataset = dataset,
            .task = task,
            .needs_gradient = std::vector<bool>(catalogue.size(), true),
            .mode = mode};
  }

  /// The diagonal on one rank: the mean over groups.
  static std::vector<at::Tensor> diagonal(const FisherInputs& inputs) {
    std::vector<at::Tensor> sums = sum_squared_gradients(inputs, {}).sums;
    const std::int64_t groups = (inputs.dataset.size() + inputs.batch_size - 1) / inputs.batch_size;
    for (at::Tensor& sum : sums) {
      if (sum.defined()) sum.div_(static_cast<double>(groups));
    }
    return sums;
  }

  /// The root mean squares over depth on one rank.
  static at::Tensor depth_profile(const FisherInputs& inputs) {
    const auto tokens = static_cast<std::int64_t>(inputs.dataset.token_ids.size());
    const auto values = static_cast<double>(tokens * inputs.network.limits().hidden_size);
    return sum_squared_gradients(inputs, {}).depth_sums.div(values).sqrt();
  }

  const Safetensors golden_file = Safetensors::open_file(golden("fisher/expected.safetensors"));
  const PretrainedModel model = load_on_device(golden("model/tiny"));
  const Task& task;
  ParameterCatalogue catalogue;
  Parameters parameters;
  Dataset dataset;
};

}  // namespace tunescope::test
