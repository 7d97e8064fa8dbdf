#include "tunescope/fisher/depth_scales.hpp"

#include <gtest/gtest.h>

#include "support/fisher_case.hpp"
#include "tunescope/method/method.hpp"

namespace tunescope {
namespace {

using test::FisherCase;

double scale(const at::Tensor& scales, DepthScale which, std::int64_t place) {
  return scales[static_cast<std::int64_t>(which)][place].item<double>();
}

TEST(DepthScales, EqualHooksOnHuggingFaceModulesInFloat64) {
  FisherCase subject;
  for (at::Tensor& parameter : subject.parameters) parameter = parameter.to(at::kDouble);
  for (const FisherMode mode : {FisherMode::kEmpirical, FisherMode::kTrue}) {
    const std::string name = "scales." + std::string(fisher_mode_name(mode));
    const at::Tensor scales = FisherCase::scales(subject.inputs(mode));
    const at::Tensor expected = subject.golden_file.tensor(name);
    EXPECT_TRUE(scales.allclose(expected, 1e-9, 0)) << name;
  }
}

TEST(DepthScales, InFloat32AreTheSameToItsRounding) {
  const FisherCase subject;
  EXPECT_TRUE(FisherCase::scales(subject.inputs()).allclose(subject.golden_file.tensor("scales.empirical"), 1e-5, 0));
}

// A batch's mean log p has 1/B of each example's gradient; activations know nothing of batches.
TEST(DepthScales, GradientsOfLargerBatchesAreOfTheMean) {
  const FisherCase subject;  // nine examples: three whole batches
  FisherInputs inputs = subject.inputs();
  const at::Tensor single = FisherCase::scales(inputs);
  inputs.batch_size = 3;
  const at::Tensor batches = FisherCase::scales(inputs);
  EXPECT_TRUE(batches.narrow(0, 0, 3).equal(single.narrow(0, 0, 3)));
  EXPECT_TRUE(batches.narrow(0, 3, 3).mul(3).allclose(single.narrow(0, 3, 3), 1e-5, 0));
}

TEST(DepthScales, GradientsGoNoFurtherDownThanTheLowestWantedTensor) {
  const FisherCase subject;
  FisherInputs inputs = subject.inputs();
  const at::Tensor all = FisherCase::scales(inputs);
  inputs.is_wanted = pool_members("layernorm-output", subject.catalogue);
  const at::Tensor some = FisherCase::scales(inputs);
  EXPECT_EQ(scale(some, DepthScale::kHidden, 0), scale(all, DepthScale::kHidden, 0));
  EXPECT_EQ(scale(some, DepthScale::kHiddenGradient, 0), 0.0);
  EXPECT_EQ(scale(some, DepthScale::kHiddenGradient, 1), scale(all, DepthScale::kHiddenGradient, 1));
  EXPECT_EQ(scale(some, DepthScale::kFeedForwardBranchGradient, 1), 0.0);
}

}  // namespace
}  // namespace tunescope
