#include "tunescope/model/rounded_backbone.hpp"

#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include "support/golden.hpp"

namespace tunescope {
namespace {

struct Subject {
  PretrainedModel model = load_pretrained(test::golden("model/tiny"));
  ParameterCatalogue catalogue{model.config, 2};
  RoundedBackbone rounded{model};
};

TEST(RoundedBackbone, KeepsTheMatricesOfTheEncoder) {
  const Subject subject;
  for (const EncoderLayerParameters& layer : subject.catalogue.layers) {
    for (const LinearParameters& linear : {layer.query, layer.value, layer.intermediate, layer.output}) {
      const at::Tensor& weight = subject.model.backbone[linear.weight];
      const at::Tensor once = subject.rounded.round(weight);
      EXPECT_TRUE(once.equal(weight.to(at::kBFloat16)));
      EXPECT_TRUE(once.is_alias_of(subject.rounded.round(weight)));
    }
  }
}

TEST(RoundedBackbone, KeepsThreeProjectionsThatAreSeenAsOneMatrix) {
  const Subject subject;
  const at::Tensor& query = subject.model.backbone[subject.catalogue.layers[0].query.weight];
  const at::Tensor together = query.as_strided({3 * query.size(0), query.size(1)}, {query.size(1), 1});
  EXPECT_TRUE(subject.rounded.round(together).equal(together.to(at::kBFloat16)));
  EXPECT_TRUE(subject.rounded.round(together).is_alias_of(subject.rounded.round(query)));
}

TEST(RoundedBackbone, RoundsEveryOtherMatrixAsItIsNow) {
  const Subject subject;
  const at::Tensor matrix = at::randn({3, 5});
  EXPECT_TRUE(subject.rounded.round(matrix).equal(matrix.to(at::kBFloat16)));
  matrix.mul_(2);
  EXPECT_TRUE(subject.rounded.round(matrix).equal(matrix.to(at::kBFloat16)));
}

}  // namespace
}  // namespace tunescope
