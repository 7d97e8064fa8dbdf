#include "tunescope/fisher/depth_profile.hpp"

#include <gtest/gtest.h>

#include "support/fisher_case.hpp"
#include "tunescope/method/method.hpp"

namespace tunescope {
namespace {

using test::FisherCase;

double scale(const at::Tensor& profile, DepthQuantity which, std::int64_t place) {
  return profile[static_cast<std::int64_t>(which)][place].item<double>();
}

TEST(DepthProfile, EqualHooksOnHuggingFaceModulesInFloat64) {
  FisherCase subject;
  for (at::Tensor& parameter : subject.parameters) parameter = parameter.to(at::kDouble);
  for (const FisherMode mode : {FisherMode::kEmpirical, FisherMode::kTrue}) {
    const std::string name = "scales." + std::string(fisher_mode_name(mode));
    const at::Tensor profile = FisherCase::depth_profile(subject.inputs(mode)).cpu();
    const at::Tensor expected = subject.golden_file.tensor(name);
    EXPECT_TRUE(profile.allclose(expected, 1e-9, 0)) << name;
  }
}

TEST(DepthProfile, InFloat32AreTheSameToItsRounding) {
  const FisherCase subject;
  const at::Tensor profile = FisherCase::depth_profile(subject.inputs()).cpu();
  EXPECT_TRUE(profile.allclose(subject.golden_file.tensor("scales.empirical"), 1e-5, 0));
}

// A batch's mean log p has 1/B of each example's gradient; activations know nothing of batches.
TEST(DepthProfile, GradientsOfLargerBatchesAreOfTheMean) {
  const FisherCase subject;  // nine examples: three whole batches
  FisherInputs inputs = subject.inputs();
  const at::Tensor single = FisherCase::depth_profile(inputs);
  inputs.batch_size = 3;
  const at::Tensor batches = FisherCase::depth_profile(inputs);
  EXPECT_TRUE(batches.narrow(0, 0, 3).equal(single.narrow(0, 0, 3)));
  EXPECT_TRUE(batches.narrow(0, 3, 3).mul(3).allclose(single.narrow(0, 3, 3), 1e-5, 0));
}

TEST(DepthProfile, GradientsGoNoFurtherDownThanTheLowestWantedTensor) {
  const FisherCase subject;
  FisherInputs inputs = subject.inputs();
  const at::Tensor all = FisherCase::depth_profile(inputs);
  inputs.needs_gradient = group_members("layernorm-output", subject.catalogue);
  const at::Tensor some = FisherCase::depth_profile(inputs);
  EXPECT_EQ(scale(some, DepthQuantity::kHidden, 0), scale(all, DepthQuantity::kHidden, 0));
  EXPECT_EQ(scale(some, DepthQuantity::kHiddenGradient, 0), 0.0);
  EXPECT_FLOAT_EQ(scale(some, DepthQuantity::kHiddenGradient, 1), scale(all, DepthQuantity::kHiddenGradient, 1));
  EXPECT_EQ(scale(some, DepthQuantity::kFeedForwardBranchGradient, 1), 0.0);
}

}  // namespace
}  // namespace tunescope
