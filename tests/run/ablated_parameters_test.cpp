#include "tunescope/run/ablation/ablated_parameters.hpp"

#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "support/golden.hpp"
#include "tunescope/model/pretrained.hpp"

namespace tunescope {
namespace {

// A model in which every scalar was 0 before training and is 1 after it.
class AblatedParameters : public ::testing::Test {
 protected:
  AblatedParameters() {
    for (const ParameterInfo& parameter : catalogue.parameters()) {
      initial.push_back(at::zeros(parameter.shape));
      trained.push_back(at::ones(parameter.shape));
    }
  }

  // How many scalars are trained, without the head, which always is.
  std::int64_t trained_count(const std::string& group, AblationKind kind) const {
    const Selection selection = selection_of(group);
    const Parameters ablated = ablated_parameters(initial, trained, selection, kind, catalogue);
    std::int64_t count = 0;
    for (ParameterIndex i = 0; i < catalogue.size(); ++i) {
      if (catalogue[i].is_head()) {
        EXPECT_TRUE(ablated[i].equal(trained[i])) << catalogue[i].name;
      } else {
        count += ablated[i].sum().item<std::int64_t>();
      }
    }
    return count;
  }
  Selection selection_of(const std::string& group) const {
    return select_parameters(parse_method(group), catalogue,
                             {.seed = 3, .importance = {}, .pretrained = model.backbone});
  }
  std::int64_t size_of(const std::string& group) const {
    return trainable_count(selection_of(group), catalogue) - trainable_count(selection_of("head"), catalogue);
  }

  PretrainedModel model = load_pretrained(test::golden("model/tiny"));
  ParameterCatalogue catalogue = model.network->catalogue(2);
  Parameters initial, trained;
};

TEST_F(AblatedParameters, AreThoseOfTheGroupOrAllOthers) {
  const std::int64_t all = size_of("full");
  for (const char* group : {"full", "layernorm-output", "bitfit", "random:fraction=0.3", "layernorm:layers=last1"}) {
    SCOPED_TRACE(group);
    EXPECT_GT(size_of(group), 0);
    EXPECT_EQ(trained_count(group, AblationKind::kTransplant), size_of(group));
    EXPECT_EQ(trained_count(group, AblationKind::kReset), all - size_of(group));
  }
}

TEST_F(AblatedParameters, OfTheHeadAreTheTrainedModelAndTheInitialOneUnderItsHead) {
  EXPECT_EQ(trained_count("head", AblationKind::kReset), size_of("full"));
  EXPECT_EQ(trained_count("head", AblationKind::kTransplant), 0);
}

TEST_F(AblatedParameters, ChangeNoTensorThatTheyAreMadeOf) {
  const Selection selection = selection_of("random:fraction=0.3");
  for (const AblationKind kind : {AblationKind::kReset, AblationKind::kTransplant}) {
    ablated_parameters(initial, trained, selection, kind, catalogue);
  }
  for (ParameterIndex i = 0; i < catalogue.size(); ++i) {
    EXPECT_EQ(initial[i].sum().item<std::int64_t>(), 0);
    EXPECT_EQ(trained[i].sum().item<std::int64_t>(), catalogue[i].size());
  }
}

}  // namespace
}  // namespace tunescope
