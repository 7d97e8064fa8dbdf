#include "tunescope/train/trainable_parameters.hpp"

#include <ATen/ops/full.h>
#include <gtest/gtest.h>

#include "support/device.hpp"
#include "support/golden.hpp"
#include "tunescope/model/weights/bfloat16_weights.hpp"

namespace tunescope {
namespace {

TEST(TrainableParameters, KeepTheirMatricesInBfloat16Too) {
  const PretrainedModel model = test::load_on_device(test::golden("model/tiny"));
  const ParameterCatalogue catalogue = model.network->catalogue(2);
  Parameters parameters = with_new_head(model, catalogue, 1);
  TrainableParameters trainable(catalogue, select_parameters(parse_method("full"), catalogue, {}), parameters);
  Bfloat16Weights weights(model);
  const at::Tensor& rounded = trainable.keep_rounded();
  weights.add(trainable.values(), rounded);
  const auto expect_rounded = [&] {
    for (ParameterIndex i = 0; i < catalogue.size(); ++i) {
      if (!catalogue[i].is_matrix()) continue;
      const at::Tensor known = weights.cast(parameters[i]);
      EXPECT_TRUE(known.is_alias_of(rounded)) << catalogue[i].name;
      EXPECT_TRUE(known.equal(parameters[i].to(at::kBFloat16))) << catalogue[i].name;
    }
  };
  expect_rounded();
  const auto [values, first_moments, second_moments] = trainable.state();
  const TrainableParameters::State before{values.clone(), first_moments.clone(), second_moments.clone()};
  trainable.next_target(catalogue.size() - 1).gradient.fill_(0.5);
  const at::Tensor loss = at::full({}, 1.0, values.options().dtype(at::kDouble));
  trainable.step(trainable.finish_gradients(), loss, {.learning_rate = 0.1, .weight_decay = 0.5});
  EXPECT_FALSE(values.equal(before.values));
  expect_rounded();
  trainable.restore(before, 0);
  EXPECT_TRUE(values.equal(before.values));
  expect_rounded();
}

}  // namespace
}  // namespace tunescope
