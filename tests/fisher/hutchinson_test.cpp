#include <ATen/ops/zeros_like.h>
#include <gtest/gtest.h>

#include <cmath>
#include <utility>

#include "support/collected_gradients.hpp"
#include "support/fisher_case.hpp"

namespace tunescope {
namespace {

using test::FisherCase;
using test::is_zero_in_theory;
using test::relative_l2;

// The variance of an example's square is at most F² for three classes (docs/fisher.md), and examples and draws are
// independent. Sums over the scalars of a tensor vary with the same signs, so no tensor is farther off than a few times
// the root of the summed bounds.
TEST(Hutchinson, IsWithinItsStandardDeviationOfTheExactExpectation) {
  FisherCase subject;
  const Dataset examples = subject.dataset;
  std::vector<at::Tensor> squares;  // of F, summed over the examples
  for (const at::Tensor& parameter : subject.parameters) squares.push_back(at::zeros_like(parameter).to(at::kDouble));
  for (std::int64_t example = 0; example < examples.size(); ++example) {
    subject.dataset = test::only(examples, static_cast<std::size_t>(example));
    const std::vector<at::Tensor> of_example = FisherCase::diagonal(subject.inputs(FisherMode::kTrue));
    for (std::size_t i = 0; i < squares.size(); ++i) squares[i].addcmul_(of_example[i], of_example[i]);
  }
  subject.dataset = examples;
  const std::vector<at::Tensor> exact = FisherCase::diagonal(subject.inputs(FisherMode::kTrue));
  for (const std::int64_t draws : {1, 100}) {
    FisherInputs inputs = subject.inputs(FisherMode::kHutchinson);
    inputs.draws = draws;
    const std::vector<at::Tensor> estimate = FisherCase::diagonal(inputs);
    for (ParameterIndex i = 0; i < exact.size(); ++i) {
      if (is_zero_in_theory(subject.catalogue[i])) continue;
      const double count = static_cast<double>(examples.size());
      const double deviation = std::sqrt(squares[i].sum().item<double>() / static_cast<double>(draws)) / count;
      EXPECT_LT(estimate[i].sub(exact[i]).norm().item<double>(), 3 * deviation) << subject.catalogue[i].name;
      EXPECT_GT(relative_l2(estimate[i], exact[i]), 1e-3) << subject.catalogue[i].name;
    }
  }
}

TEST(Hutchinson, IsExactForTwoClassesAndForRegression) {
  FisherCase two_classes;
  two_classes.catalogue = two_classes.model.network->catalogue(2);
  for (std::size_t i = 1; i <= 2; ++i) {
    at::Tensor& of_head = two_classes.parameters[two_classes.parameters.size() - i];
    of_head = of_head.narrow(0, 0, 2);
  }
  const FisherCase regression(true);
  for (const FisherCase* subject : {&std::as_const(two_classes), &regression}) {
    const std::vector<at::Tensor> exact = FisherCase::diagonal(subject->inputs(FisherMode::kTrue));
    const std::vector<at::Tensor> estimate = FisherCase::diagonal(subject->inputs(FisherMode::kHutchinson));
    for (ParameterIndex i = 0; i < exact.size(); ++i) {
      if (is_zero_in_theory(subject->catalogue[i])) continue;
      EXPECT_LT(relative_l2(estimate[i], exact[i]), 1e-5) << subject->catalogue[i].name;
    }
  }
}

// exp(−200) is zero in float32.
TEST(Hutchinson, IsFiniteIfProbabilitiesUnderflow) {
  FisherCase subject;
  at::Tensor& bias = subject.parameters.back();
  bias = bias.clone();
  for (const std::int64_t likely : {0, 2}) {
    bias.zero_();
    bias[likely] = 200;
    for (const at::Tensor& tensor : FisherCase::diagonal(subject.inputs(FisherMode::kHutchinson))) {
      EXPECT_LT(tensor.max().item<double>(), 1e-20) << likely;
    }
  }
}

}  // namespace
}  // namespace tunescope
