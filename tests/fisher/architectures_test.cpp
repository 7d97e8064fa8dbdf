#include <ATen/ops/zeros_like.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "support/added_parameters.hpp"
#include "support/architecture_goldens.hpp"
#include "support/collected_gradients.hpp"
#include "support/fisher_case.hpp"
#include "tunescope/fisher/log_likelihood_gradients.hpp"
#include "tunescope/method/method.hpp"
#include "tunescope/model/pass.hpp"

namespace tunescope {
namespace {

using test::relative_l2;

class ArchitectureFisher : public ::testing::TestWithParam<const char*> {
 protected:
  FisherInputs inputs(FisherMode mode, std::int64_t batch_size = 1) const {
    return {.network = *golden.model.network,
            .catalogue = golden.catalogue,
            .parameters = golden.parameters,
            .dataset = dataset,
            .task = glue_task("MNLI"),
            .needs_gradient = std::vector<bool>(golden.catalogue.size(), true),
            .mode = mode,
            .batch_size = batch_size,
            .seed = 4,
            .draws = 2,
            .bfloat16_weights = nullptr,
            .additions = additions ? &*additions : nullptr};
  }

  // With something of everything that can be added.
  void add() {
    additions.emplace(test::every_addition(golden.catalogue));
    test::add_bottlenecks(*additions);
    additions->append_initial(golden.parameters, 1);
    test::randomize_added(*additions, golden.parameters);
    golden.catalogue = additions->catalogue();
  }

  // In float64, a pass for each group.
  std::vector<at::Tensor> squares_of_single_groups(const FisherInputs& inputs) {
    Parameters parameters = golden.parameters;
    std::vector<at::Tensor> squares;
    for (at::Tensor& parameter : parameters) {
      parameter = parameter.to(at::kDouble);
      squares.push_back(at::zeros_like(parameter));
    }
    for (std::int64_t first = 0; first < dataset.size(); first += inputs.batch_size) {
      std::vector<std::int64_t> group;
      for (std::int64_t i = first; i < std::min(first + inputs.batch_size, dataset.size()); ++i) group.push_back(i);
      const PackedBatch batch = pack(dataset, group, false);
      const ModelInput model{parameters, batch, std::nullopt, nullptr, inputs.additions};
      Pass reference(inputs.network, model);
      for (const at::Tensor& of_logits :
           log_likelihood_gradients(inputs.mode, reference, batch, inputs.seed, inputs.draws)) {
        test::CollectedGradients single(parameters);
        Pass pass(inputs.network, model, {.sink = &single});
        pass.backward(of_logits.div(static_cast<double>(group.size())));
        for (std::size_t i = 0; i < squares.size(); ++i) {
          squares[i].addcmul_(single.gradients[i], single.gradients[i]);
        }
      }
    }
    return squares;
  }

  void expect_squares_of_single_groups() {
    for (const FisherMode mode : test::kFisherModes) {
      for (const std::int64_t batch_size : {1, 3}) {
        const FisherInputs measured = inputs(mode, batch_size);
        const std::vector<at::Tensor> sums = sum_squared_gradients(measured, {}).sums;
        const std::vector<at::Tensor> expected = squares_of_single_groups(measured);
        for (ParameterIndex i = 0; i < sums.size(); ++i) {
          if (test::is_zero_in_theory(golden.catalogue[i])) continue;
          EXPECT_LT(relative_l2(sums[i], expected[i]), 1e-4)
              << golden.catalogue[i].name << ", " << fisher_mode_name(mode) << ", groups of " << batch_size;
        }
      }
    }
  }

  test::ArchitectureGolden golden{GetParam()};
  std::optional<Additions> additions;
  Dataset dataset = test::golden_examples(golden.expected, "labels");
};

TEST_P(ArchitectureFisher, SumsTheSquaresOfSingleGroupsOfExamples) { expect_squares_of_single_groups(); }

TEST_P(ArchitectureFisher, SumsTheSquaresOfAddedTensorsAndOfThoseBesideThem) {
  add();
  expect_squares_of_single_groups();
}

TEST_P(ArchitectureFisher, EqualsTheLoopOfTransformersOverExamplesAndLabels) {
  const std::vector<at::Tensor> diagonal = test::FisherCase::diagonal(inputs(FisherMode::kTrue));
  for (ParameterIndex i = 0; i < diagonal.size(); ++i) {
    const std::string& name = golden.catalogue[i].name;
    if (test::is_zero_in_theory(golden.catalogue[i])) {
      EXPECT_LT(diagonal[i].max().item<double>(), 1e-9) << name;
    } else {
      EXPECT_LT(relative_l2(diagonal[i], golden.expected.tensor("fisher." + name)), 1e-4) << name;
    }
  }
}

// make_adapters_golden.py. Pfeiffer's bottlenecks use a LayerNorm twice.
TEST_P(ArchitectureFisher, OfBottlenecksEqualsTheLoopOfTheLibraryAdapters) {
  const Safetensors expected =
      Safetensors::open_file(test::golden(std::string("model/") + GetParam() + "/adapters.safetensors"));
  const test::ArchitectureGolden of_model(GetParam());
  for (const char* const placement : {"houlsby", "pfeiffer"}) {
    const std::string prefix = std::string(placement) + ".";
    additions.emplace(
        additions_of(parse_method(std::string("adapter:size=4,placement=") + placement), of_model.catalogue));
    golden.catalogue = additions->catalogue();
    golden.parameters = of_model.parameters;
    for (ParameterIndex i = additions->model_size(); i < golden.catalogue.size(); ++i) {
      golden.parameters.push_back(
          expected.tensor(prefix + golden.catalogue[i].name).to(golden.parameters.front().options()));
    }
    const std::vector<at::Tensor> diagonal = test::FisherCase::diagonal(inputs(FisherMode::kTrue));
    for (ParameterIndex i = 0; i < diagonal.size(); ++i) {
      const std::string name = prefix + "fisher." + golden.catalogue[i].name;
      const bool is_in_file = expected.has(name);
      EXPECT_TRUE(is_in_file || !(golden.catalogue[i].is_added || golden.catalogue[i].is_layer_norm())) << name;
      if (is_in_file) {
        EXPECT_LT(relative_l2(diagonal[i], expected.tensor(name)), 1e-4) << name;
      }
    }
  }
}

TEST_P(ArchitectureFisher, ObservesDepthAsHooksOnTransformersModules) {
  const at::Tensor expected = golden.expected.tensor("depth").to(at::kDouble);
  EXPECT_TRUE(sum_squared_gradients(inputs(FisherMode::kEmpirical), {}).depth_sums.cpu().allclose(expected, 1e-4, 0));
  golden.compute_in_float64();
  EXPECT_TRUE(sum_squared_gradients(inputs(FisherMode::kEmpirical), {}).depth_sums.cpu().allclose(expected, 1e-6, 0));
}

INSTANTIATE_TEST_SUITE_P(Golden, ArchitectureFisher, test::architecture_goldens(), test::name_of_golden);

}  // namespace
}  // namespace tunescope
