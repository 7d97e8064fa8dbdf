#include "tunescope/model/weights/bfloat16_weights.hpp"

#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include "support/golden.hpp"

namespace tunescope {
namespace {

struct Subject {
  PretrainedModel model = load_pretrained(test::golden("model/tiny"));
  ParameterCatalogue catalogue = model.network->catalogue(2);
  Bfloat16Weights bfloat16_weights{model};
};

TEST(Bfloat16Weights, KeepsTheMatricesOfTheEncoder) {
  const Subject subject;
  std::size_t compared = 0;
  for (ParameterIndex i = 0; i < subject.model.backbone.size(); ++i) {
    if (!subject.catalogue[i].is_matrix()) continue;
    ++compared;
    const at::Tensor& weight = subject.model.backbone[i];
    const at::Tensor once = subject.bfloat16_weights.cast(weight);
    EXPECT_TRUE(once.equal(weight.to(at::kBFloat16)));
    EXPECT_TRUE(once.is_alias_of(subject.bfloat16_weights.cast(weight)));
  }
  EXPECT_EQ(compared, 6 * subject.catalogue.encoder_layers() + 1);
}

TEST(Bfloat16Weights, KeepsThreeProjectionsThatAreSeenAsOneMatrix) {
  const Subject subject;
  const at::Tensor& query = subject.model.backbone[subject.model.network->joint_tensors()[0][0]];
  const at::Tensor together = query.as_strided({3 * query.size(0), query.size(1)}, {query.size(1), 1});
  EXPECT_TRUE(subject.bfloat16_weights.cast(together).equal(together.to(at::kBFloat16)));
  EXPECT_TRUE(subject.bfloat16_weights.cast(together).is_alias_of(subject.bfloat16_weights.cast(query)));
}

TEST(Bfloat16Weights, KeepsTheMatricesOfTrainedParametersToo) {
  Subject subject;
  const ParameterCatalogue& catalogue = subject.catalogue;
  Parameters parameters = with_new_head(subject.model, catalogue, 1);
  for (ParameterIndex i = 0; i < parameters.size(); i += 2) parameters[i] = parameters[i].mul(2.0);
  subject.bfloat16_weights.add(catalogue, parameters);
  for (ParameterIndex i = 0; i < parameters.size(); ++i) {
    if (!catalogue[i].is_matrix()) continue;
    const at::Tensor once = subject.bfloat16_weights.cast(parameters[i]);
    EXPECT_TRUE(once.equal(parameters[i].to(at::kBFloat16))) << catalogue[i].name;
    EXPECT_TRUE(once.is_alias_of(subject.bfloat16_weights.cast(parameters[i]))) << catalogue[i].name;
  }
}

TEST(Bfloat16Weights, RoundsEveryOtherMatrixAsItIsNow) {
  const Subject subject;
  const at::Tensor matrix = at::randn({3, 5});
  EXPECT_TRUE(subject.bfloat16_weights.cast(matrix).equal(matrix.to(at::kBFloat16)));
  matrix.mul_(2);
  EXPECT_TRUE(subject.bfloat16_weights.cast(matrix).equal(matrix.to(at::kBFloat16)));
}

}  // namespace
}  // namespace tunescope
