#include <ATen/ops/zeros_like.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "support/collected_gradients.hpp"
#include "support/deberta_variant.hpp"
#include "support/fisher_case.hpp"
#include "tunescope/data/packed_batch.hpp"
#include "tunescope/fisher/log_likelihood_gradients.hpp"
#include "tunescope/model/pass.hpp"

namespace tunescope {
namespace {

std::vector<at::Tensor> zeros_like_parameters(const FisherInputs& inputs) {
  std::vector<at::Tensor> tensors;
  for (const at::Tensor& parameter : inputs.parameters) tensors.push_back(at::zeros_like(parameter));
  return tensors;
}

// The gradients of one example, for each backward pass.
std::vector<std::vector<at::Tensor>> gradients_of_example(const FisherInputs& inputs, std::int64_t example) {
  const PackedBatch batch = pack(inputs.dataset, std::vector{example}, false);
  test::CollectedGradients sink(inputs.parameters);
  Pass pass(inputs.network, ModelInput{inputs.parameters, batch}, {.sink = &sink});
  std::vector<std::vector<at::Tensor>> gradients;
  for (const at::Tensor& of_logits : log_likelihood_gradients(inputs.mode, pass, batch, inputs.seed, inputs.draws)) {
    for (at::Tensor& gradient : sink.gradients) gradient.zero_();
    pass.backward(of_logits, Keep::kActivations);
    gradients.emplace_back();
    for (const at::Tensor& gradient : sink.gradients) gradients.back().push_back(gradient.clone());
  }
  return gradients;
}

// What `sum_squared_gradients` gives, from passes over one example each.
std::vector<at::Tensor> squares_of_single_examples(const FisherInputs& inputs) {
  std::vector<at::Tensor> squares = zeros_like_parameters(inputs);
  for (std::int64_t first = 0; first < inputs.dataset.size(); first += inputs.batch_size) {
    const std::int64_t count = std::min(inputs.batch_size, inputs.dataset.size() - first);
    std::vector<std::vector<at::Tensor>> sums = gradients_of_example(inputs, first);
    for (std::int64_t example = first + 1; example < first + count; ++example) {
      const auto others = gradients_of_example(inputs, example);
      for (std::size_t number = 0; number < sums.size(); ++number) {
        for (std::size_t i = 0; i < squares.size(); ++i) sums[number][i].add_(others[number][i]);
      }
    }
    for (const std::vector<at::Tensor>& sum : sums) {
      for (std::size_t i = 0; i < squares.size(); ++i) {
        squares[i].add_(sum[i].div(static_cast<double>(count)).square_());
      }
    }
  }
  return squares;
}

class DebertaFisher : public ::testing::TestWithParam<std::string> {};

// Embeddings of distances, their LayerNorm and the projections that they share with tokens are used in every layer and
// once or twice in each: the gradient of an example is the sum over all uses, and is squared after it.
TEST_P(DebertaFisher, SquaresTheSumOverAllUsesOfAParameter) {
  const test::DebertaVariant variant(GetParam());
  const Parameters parameters = variant.parameters(at::kDouble);
  const Dataset examples = test::golden_examples(variant.file, "labels");
  for (const FisherMode mode : test::kFisherModes) {
    for (const std::int64_t batch_size : {1, 3}) {
      const FisherInputs inputs{.network = *variant.network,
                                .catalogue = variant.catalogue,
                                .parameters = parameters,
                                .dataset = examples,
                                .task = glue_task("MNLI"),
                                .needs_gradient = std::vector<bool>(variant.catalogue.size(), true),
                                .mode = mode,
                                .batch_size = batch_size,
                                .seed = 4,
                                .draws = 2};
      const std::vector<at::Tensor> expected = squares_of_single_examples(inputs);
      const std::vector<at::Tensor> sums = sum_squared_gradients(inputs, {}).sums;
      for (ParameterIndex i = 0; i < sums.size(); ++i) {
        const double size = expected[i].norm().item<double>();
        EXPECT_LE(sums[i].sub(expected[i]).norm().item<double>(), 1e-11 * size + 1e-25)
            << variant.catalogue[i].name << ", " << fisher_mode_name(mode) << ", groups of " << batch_size;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Switches, DebertaFisher, ::testing::ValuesIn(test::deberta_variants()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace tunescope
