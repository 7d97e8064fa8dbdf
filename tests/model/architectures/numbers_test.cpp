#include <ATen/Context.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <vector>

#include "support/architecture_goldens.hpp"
#include "support/collected_gradients.hpp"
#include "support/golden_batch.hpp"
#include "support/sink_of_each.hpp"
#include "tunescope/kernels/training/batch_losses.hpp"
#include "tunescope/model/pass.hpp"

namespace tunescope {
namespace {

double distance_to_golden(const at::Tensor& actual, const at::Tensor& golden) {
  return actual.to(at::kCPU, at::kDouble).sub(golden).abs().max().item<double>();
}

class Architectures : public ::testing::TestWithParam<const char*> {
 protected:
  // Relative to the length of the gradient; of one that is zero in theory, to 0.1.
  void expect_transformers_numbers(double logits_tolerance, double gradients_tolerance) {
    const Safetensors& expected = golden.expected;
    test::CollectedGradients sink(golden.parameters);
    const PackedBatch examples = test::golden_batch(expected, expected.tensor("labels"));
    Pass pass(*golden.model.network, ModelInput{golden.parameters, examples}, {.sink = &sink});
    EXPECT_LT(distance_to_golden(pass.logits().front(), expected.tensor("logits")), logits_tolerance);
    const Loss loss = batch_loss(pass.logits().front(), examples.labels);
    EXPECT_NEAR(loss.value(), expected.tensor("loss").item<double>(), logits_tolerance);
    pass.backward(loss.logits_gradient);
    for (ParameterIndex i = 0; i < golden.catalogue.size(); ++i) {
      const ParameterInfo& parameter = golden.catalogue[i];
      const at::Tensor gradient = expected.tensor("grad." + parameter.name);
      ASSERT_EQ(sink.gradients[i].sizes(), gradient.sizes()) << parameter.name;
      const double difference = sink.gradients[i].cpu().sub(gradient).norm().item<double>();
      const double size = test::is_zero_in_theory(parameter) ? 0.1 : gradient.norm().item<double>();
      EXPECT_LT(difference, gradients_tolerance * size) << parameter.name;
    }
  }

  test::ArchitectureGolden golden{GetParam()};
};

TEST_P(Architectures, ClassifyAndDifferentiateAsTransformers) { expect_transformers_numbers(1e-5, 1e-4); }

// To the rounding of the golden numbers.
TEST_P(Architectures, ClassifyAndDifferentiateAsTransformersInFloat64) {
  golden.compute_in_float64();
  expect_transformers_numbers(1e-6, 1e-6);
}

TEST_P(Architectures, ReadTextsWithThePaddingTokenAsTransformers) {
  PackedBatch examples = test::golden_batch(golden.expected, golden.expected.tensor("labels"));
  examples.token_ids = test::whole_numbers(golden.expected.tensor("padded.input_ids"));
  const at::Tensor logits = evaluate_logits(*golden.model.network, {golden.parameters, examples});
  EXPECT_LT(distance_to_golden(logits, golden.expected.tensor("padded.logits")), 1e-5);
}

TEST_P(Architectures, GiveASequenceTheSameLogitsInAnyBatch) {
  const PackedBatch together = test::golden_batch(golden.expected, golden.expected.tensor("labels"));
  const at::Tensor logits = evaluate_logits(*golden.model.network, {golden.parameters, together});
  for (std::int64_t b = 0; b < together.sequence_count(); ++b) {
    const auto first = static_cast<std::ptrdiff_t>(together.sequence_offsets[static_cast<std::size_t>(b)]);
    const auto end = static_cast<std::ptrdiff_t>(together.sequence_offsets[static_cast<std::size_t>(b) + 1]);
    PackedBatch alone;
    alone.token_ids.assign(together.token_ids.begin() + first, together.token_ids.begin() + end);
    alone.type_ids.assign(together.type_ids.begin() + first, together.type_ids.begin() + end);
    alone.sequence_offsets = {0, end - first};
    alone.examples = {b};
    EXPECT_LT(
        distance_to_golden(evaluate_logits(*golden.model.network, {golden.parameters, alone})[0], logits[b].cpu()),
        1e-5)
        << b;
  }
}

TEST_P(Architectures, LetAllTokensLeaveTheLastLayerWithTheSameNumbers) {
  golden.compute_in_float64();
  const PackedBatch examples = test::golden_batch(golden.expected, golden.expected.tensor("labels"));
  std::vector<std::vector<at::Tensor>> gradients;
  for (const LastLayer last_layer : {LastLayer::kPooledTokens, LastLayer::kAllTokens}) {
    test::CollectedGradients sink(golden.parameters);
    Pass pass(*golden.model.network, ModelInput{golden.parameters, examples},
              {.sink = &sink, .last_layer = last_layer});
    pass.backward(batch_loss(pass.logits().front(), examples.labels).logits_gradient);
    gradients.push_back(sink.gradients);
  }
  for (ParameterIndex i = 0; i < golden.catalogue.size(); ++i) {
    EXPECT_TRUE(gradients[0][i].allclose(gradients[1][i], 1e-9, 1e-12)) << golden.catalogue[i].name;
  }
}

// A part of the network for which no gradient is needed is not recorded.
TEST_P(Architectures, GiveTheHeadAloneTheGradientsThatItHasBesidesAllOthers) {
  class HeadAlone : public test::CollectedGradients {
   public:
    HeadAlone(const Parameters& parameters, const ParameterCatalogue& catalogue)
        : CollectedGradients(parameters), catalogue_(catalogue) {}
    bool needs_gradient(std::size_t, ParameterIndex i) const override { return catalogue_[i].is_head(); }

   private:
    const ParameterCatalogue& catalogue_;
  };
  const PackedBatch examples = test::golden_batch(golden.expected, golden.expected.tensor("labels"));
  test::CollectedGradients all(golden.parameters);
  HeadAlone head(golden.parameters, golden.catalogue);
  for (test::CollectedGradients* sink : {&all, static_cast<test::CollectedGradients*>(&head)}) {
    Pass pass(*golden.model.network, ModelInput{golden.parameters, examples}, {.sink = sink});
    pass.backward(batch_loss(pass.logits().front(), examples.labels).logits_gradient);
  }
  for (ParameterIndex i = golden.catalogue.backbone_count(); i < golden.catalogue.size(); ++i) {
    EXPECT_TRUE(head.gradients[i].equal(all.gradients[i])) << golden.catalogue[i].name;
  }
}

// Weights that models do not share are multiplied one by one.
TEST_P(Architectures, GiveModelsOfOnePassTheNumbersThatEachHasAlone) {
  golden.compute_in_float64();
  Parameters other;
  for (const at::Tensor& parameter : golden.parameters) other.push_back(parameter.mul(0.9));
  const PackedBatch examples = test::golden_batch(golden.expected, golden.expected.tensor("labels"));
  const auto logits_gradient = [&](const at::Tensor& logits) {
    return batch_loss(logits, examples.labels).logits_gradient;
  };
  test::CollectedGradients first(golden.parameters), second(other);
  test::SinkOfEach sink({&first, &second});
  const std::array inputs = {ModelInput{golden.parameters, examples}, ModelInput{other, examples}};
  Pass together(*golden.model.network, inputs, {.sink = &sink});
  together.backward(std::array{logits_gradient(together.logits()[0]), logits_gradient(together.logits()[1])});
  test::CollectedGradients alone(other);
  Pass pass(*golden.model.network, inputs[1], {.sink = &alone});
  pass.backward(logits_gradient(pass.logits().front()));
  EXPECT_TRUE(together.logits()[1].allclose(pass.logits().front(), 1e-9, 1e-9));
  for (ParameterIndex i = 0; i < golden.catalogue.size(); ++i) {
    EXPECT_TRUE(second.gradients[i].allclose(alone.gradients[i], 1e-9, 1e-9)) << golden.catalogue[i].name;
  }
}

// A loss with the masks of one step, and its gradient: the way back must draw the masks again, each at its place.
TEST_P(Architectures, DifferentiateWithDropoutAsFiniteDifferences) {
  golden.compute_in_float64();
  const PackedBatch examples = test::golden_batch(golden.expected, golden.expected.tensor("labels"));
  const auto run = [&](const Parameters& parameters, GradientSink* sink) {
    return std::make_unique<Pass>(*golden.model.network, ModelInput{parameters, examples, std::uint64_t{77}},
                                  PassOptions{.sink = sink, .dropout = 0.3});
  };
  test::CollectedGradients sink(golden.parameters);
  const auto pass = run(golden.parameters, &sink);
  pass->backward(batch_loss(pass->logits().front(), examples.labels).logits_gradient);
  at::manual_seed(5);
  for (ParameterIndex i = 0; i < golden.catalogue.size(); ++i) {
    const at::Tensor direction = at::randn(golden.parameters[i].sizes(), golden.parameters[i].options());
    const auto loss_at = [&](double step) {
      Parameters moved = golden.parameters;
      moved[i] = moved[i].add(direction, step);
      return batch_loss(run(moved, nullptr)->logits().front(), examples.labels).value();
    };
    constexpr double kStep = 1e-5;
    const double slope = (loss_at(kStep) - loss_at(-kStep)) / (2 * kStep);
    const double size = sink.gradients[i].norm().item<double>() * direction.norm().item<double>();
    EXPECT_NEAR(sink.gradients[i].mul(direction).sum().item<double>(), slope, 1e-6 * size + 1e-8)
        << golden.catalogue[i].name;
  }
}

TEST_P(Architectures, DrawEachMatrixOfTheHeadFromNumbersOfItsOwn) {
  const Parameters drawn = with_new_head(golden.model, golden.catalogue, 3);
  std::vector<at::Tensor> matrices;
  for (ParameterIndex i = golden.catalogue.backbone_count(); i < golden.catalogue.size(); ++i) {
    EXPECT_EQ(drawn[i].sizes().vec(), golden.catalogue[i].shape);
    if (golden.catalogue[i].is_bias) {
      EXPECT_EQ(drawn[i].abs().sum().item<double>(), 0.0);
    } else {
      matrices.push_back(drawn[i].view(-1).narrow(0, 0, 3));
    }
  }
  if (matrices.size() == 2) {
    EXPECT_FALSE(matrices[0].equal(matrices[1]));
  }
}

INSTANTIATE_TEST_SUITE_P(Golden, Architectures, test::architecture_goldens(), test::name_of_golden);

}  // namespace
}  // namespace tunescope
