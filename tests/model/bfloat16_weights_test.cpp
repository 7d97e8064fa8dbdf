#include "tunescope/model/bfloat16_weights.hpp"

#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include "support/golden.hpp"

namespace tunescope {
namespace {

struct Subject {
  PretrainedModel model = load_pretrained(test::golden("model/tiny"));
  ParameterCatalogue catalogue{model.config, 2};
  Bfloat16Weights bfloat16_weights{model};
};

TEST(Bfloat16Weights, KeepsTheMatricesOfTheEncoder) {
  const Subject subject;
  for (const EncoderLayerParameters& layer : subject.catalogue.layers) {
    for (const LinearParameters& linear : {layer.query, layer.value, layer.intermediate, layer.output}) {
      const at::Tensor& weight = subject.model.backbone[linear.weight];
      const at::Tensor once = subject.bfloat16_weights.cast(weight);
      EXPECT_TRUE(once.equal(weight.to(at::kBFloat16)));
      EXPECT_TRUE(once.is_alias_of(subject.bfloat16_weights.cast(weight)));
    }
  }
}

TEST(Bfloat16Weights, KeepsThreeProjectionsThatAreSeenAsOneMatrix) {
  const Subject subject;
  const at::Tensor& query = subject.model.backbone[subject.catalogue.layers[0].query.weight];
  const at::Tensor together = query.as_strided({3 * query.size(0), query.size(1)}, {query.size(1), 1});
  EXPECT_TRUE(subject.bfloat16_weights.cast(together).equal(together.to(at::kBFloat16)));
  EXPECT_TRUE(subject.bfloat16_weights.cast(together).is_alias_of(subject.bfloat16_weights.cast(query)));
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
