#include "tunescope/train/training_sink.hpp"

#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include "support/added_parameters.hpp"
#include "support/architecture_goldens.hpp"
#include "support/collected_gradients.hpp"
#include "support/golden_batch.hpp"
#include "tunescope/kernels/training/batch_losses.hpp"
#include "tunescope/model/pass.hpp"

namespace tunescope {
namespace {

Selection train_added(const Additions& additions) {
  Selection selection(additions.catalogue().size());
  for (std::size_t i = additions.model_size(); i < selection.size(); ++i) {
    selection[i].kind = TensorSelection::Kind::kAll;
  }
  return selection;
}

Parameters clones_of(const Parameters& parameters) {
  Parameters clones;
  for (const at::Tensor& parameter : parameters) clones.push_back(parameter.clone());
  return clones;
}

// Two backward passes, as of a batch in two parts: each on top of the other.
TEST(TrainingSink, AddsUpTheGradientsOfAddedTensors) {
  test::ArchitectureGolden golden("deberta");
  Additions additions = test::every_addition(golden.catalogue);
  test::add_bottlenecks(additions);
  additions.append_initial(golden.parameters, 1);
  test::randomize_added(additions, golden.parameters);
  const PackedBatch batch = test::golden_batch(golden.expected, golden.expected.tensor("labels"));
  Parameters trained = golden.parameters;
  TrainableParameters trainable(additions.catalogue(), train_added(additions), trained);
  TrainingSink sink({&trainable});
  test::CollectedGradients expected(golden.parameters);
  const auto add_gradients = [&](const Parameters& parameters, GradientSink& to) {
    Pass pass(*golden.model.network, ModelInput{parameters, batch, std::nullopt, nullptr, &additions}, {.sink = &to});
    pass.backward(batch_loss(pass.logits().front(), batch.labels).logits_gradient);
  };
  trainable.zero_grad();
  for (int pass = 0; pass < 2; ++pass) {
    add_gradients(trained, sink);
    add_gradients(golden.parameters, expected);
  }
  for (std::size_t i = additions.model_size(); i < additions.catalogue().size(); ++i) {
    const auto [gradient, accumulate] = trainable.next_target(i);
    EXPECT_TRUE(gradient.allclose(expected.gradients[i], 1e-4, 1e-6)) << additions.catalogue()[i].name;
  }
}

// Without gradients, what moves is drawn to zero. Vectors begin at 1, where they change nothing.
TEST(TrainableParameters, DecayAddedMatricesAndNoVectors) {
  const test::ArchitectureGolden golden("roberta");
  Additions additions(golden.catalogue);
  const LinearTarget target = linear_targets(golden.catalogue, "value").front();
  additions.rescale_outputs(target);
  additions.add_low_rank(target, {.rank = 1});
  additions.add_bottleneck(linear_targets(golden.catalogue, "output").front(), {.size = 2});
  Parameters parameters = golden.parameters;
  additions.append_initial(parameters, 1);
  const std::size_t vector = additions.model_size();
  const std::size_t down = vector + 1;
  const Bottleneck& bottleneck = *additions.of(linear_targets(golden.catalogue, "output").front().weight)->bottleneck;
  test::randomize_added(additions, parameters);
  parameters[vector].fill_(1.0);
  const Parameters before = clones_of(parameters);
  TrainableParameters trainable(additions.catalogue(), train_added(additions), parameters);
  trainable.zero_grad();
  trainable.step(trainable.finish_gradients(), at::zeros({}, at::kDouble), {.learning_rate = 0.5, .weight_decay = 0.5});
  EXPECT_EQ(parameters[vector].sub(1.0).abs().max().item<double>(), 0.0);
  for (const ParameterIndex matrix : {down, bottleneck.down.weight, bottleneck.up.weight}) {
    EXPECT_TRUE(parameters[matrix].allclose(before[matrix].mul(0.75))) << additions.catalogue()[matrix].name;
  }
  for (const ParameterIndex bias : {*bottleneck.down.bias, *bottleneck.up.bias}) {
    EXPECT_TRUE(parameters[bias].equal(before[bias])) << additions.catalogue()[bias].name;
  }
}

}  // namespace
}  // namespace tunescope
