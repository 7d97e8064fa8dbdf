#include "tunescope/model/additions.hpp"

#include <ATen/Context.h>
#include <ATen/ops/randn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <memory>

#include "support/added_parameters.hpp"
#include "support/architecture_goldens.hpp"
#include "support/collected_gradients.hpp"
#include "support/golden_batch.hpp"
#include "support/sink_of_each.hpp"
#include "tunescope/kernels/training/batch_losses.hpp"
#include "tunescope/model/pass.hpp"

namespace tunescope {
namespace {

class AdditionsTo : public ::testing::TestWithParam<const char*> {
 protected:
  // The model with additions, in float64. Random added tensors have effects of every kind.
  Parameters added_parameters(const Additions& additions, bool is_random) const {
    Parameters parameters = golden.parameters;
    additions.append_initial(parameters, 7);
    if (is_random) test::randomize_added(additions, parameters);
    return parameters;
  }
  PackedBatch examples() const { return test::golden_batch(golden.expected, golden.expected.tensor("labels")); }
  at::Tensor logits(const Parameters& parameters, const Additions* additions) const {
    return evaluate_logits(*golden.model.network,
                           {.parameters = parameters, .batch = examples(), .additions = additions});
  }

  test::ArchitectureGolden golden{GetParam()};
};

TEST_P(AdditionsTo, ChangeNoBitOfTheLogitsAtFirst) {
  const Additions additions = test::every_addition(golden.catalogue);
  const Parameters parameters = added_parameters(additions, false);
  EXPECT_TRUE(logits(parameters, &additions).equal(logits(golden.parameters, nullptr)));
}

TEST_P(AdditionsTo, ComputeTheSameMergedIntoTheWeights) {
  golden.compute_in_float64();
  const Additions additions = test::every_addition(golden.catalogue);
  const Parameters parameters = added_parameters(additions, true);
  const Parameters merged = additions.merged(parameters);
  ASSERT_EQ(merged.size(), golden.catalogue.size());
  const at::Tensor expected = logits(parameters, &additions);
  EXPECT_TRUE(logits(merged, nullptr).allclose(expected, 1e-9, 1e-9));
  EXPECT_FALSE(logits(golden.parameters, nullptr).allclose(expected, 1e-2, 1e-2));
}

TEST_P(AdditionsTo, LeaveTheModelsTensorsAlone) {
  const Additions additions = test::every_addition(golden.catalogue);
  const Parameters parameters = added_parameters(additions, true);
  const Parameters merged = additions.merged(parameters);
  for (ParameterIndex i = 0; i < golden.catalogue.size(); ++i) {
    EXPECT_TRUE(parameters[i].is_same(golden.parameters[i]));
    const bool is_near_addition = additions.of(i) != nullptr || (i > 0 && additions.of(i - 1) != nullptr);
    EXPECT_TRUE(is_near_addition || merged[i].is_same(golden.parameters[i])) << golden.catalogue[i].name;
  }
}

// Of all tensors, added ones too, with the masks of one step.
TEST_P(AdditionsTo, HaveTheGradientsOfFiniteDifferences) {
  golden.compute_in_float64();
  const Additions additions = test::every_addition(golden.catalogue);
  const Parameters parameters = added_parameters(additions, true);
  const PackedBatch batch = examples();
  const auto run = [&](const Parameters& at, GradientSink* sink) {
    return std::make_unique<Pass>(*golden.model.network, ModelInput{at, batch, std::uint64_t{77}, nullptr, &additions},
                                  PassOptions{.sink = sink, .dropout = 0.1});
  };
  test::CollectedGradients sink(parameters);
  const auto pass = run(parameters, &sink);
  pass->backward(batch_loss(pass->logits().front(), batch.labels).logits_gradient);
  at::manual_seed(5);
  for (ParameterIndex i = 0; i < parameters.size(); ++i) {
    const at::Tensor direction = at::randn(parameters[i].sizes(), parameters[i].options());
    const auto loss_at = [&](double step) {
      Parameters moved = parameters;
      moved[i] = moved[i].add(direction, step);
      return batch_loss(run(moved, nullptr)->logits().front(), batch.labels).value();
    };
    constexpr double kStep = 1e-5;
    const double slope = (loss_at(kStep) - loss_at(-kStep)) / (2 * kStep);
    const double size = sink.gradients[i].norm().item<double>() * direction.norm().item<double>();
    EXPECT_NEAR(sink.gradients[i].mul(direction).sum().item<double>(), slope, 1e-6 * size + 1e-8)
        << additions.catalogue()[i].name;
    EXPECT_TRUE(i < golden.catalogue.size() || size > 1e-6) << additions.catalogue()[i].name;
  }
}

// Golden logits, and gradients of the added tensors and of the head, of peft (make_peft_golden.py).
void expect_numbers_of_peft(test::ArchitectureGolden& golden, const Additions& additions, const Safetensors& expected,
                            const std::string& method) {
  Parameters parameters = golden.parameters;
  for (ParameterIndex i = additions.model_size(); i < additions.catalogue().size(); ++i) {
    const ParameterInfo& info = additions.catalogue()[i];
    ASSERT_EQ(expected.shape(method + "." + info.name), info.shape) << info.name;
    parameters.push_back(expected.tensor(method + "." + info.name).to(parameters.front().options()));
  }
  const PackedBatch batch = test::golden_batch(golden.expected, golden.expected.tensor("labels"));
  test::CollectedGradients sink(parameters);
  Pass pass(*golden.model.network, ModelInput{parameters, batch, std::nullopt, nullptr, &additions}, {.sink = &sink});
  const at::Tensor logits = expected.tensor(method + ".logits").to(parameters.front().options());
  EXPECT_LT(pass.logits().front().sub(logits).abs().max().item<double>(), 1e-5);
  const Loss loss = batch_loss(pass.logits().front(), batch.labels);
  EXPECT_NEAR(loss.value(), expected.tensor(method + ".loss").item<double>(), 1e-5);
  pass.backward(loss.logits_gradient);
  for (ParameterIndex i = golden.catalogue.backbone_count(); i < parameters.size(); ++i) {
    const std::string& name = additions.catalogue()[i].name;
    const at::Tensor gradient = expected.tensor(method + ".grad." + name).to(parameters.front().options());
    EXPECT_LT(sink.gradients[i].sub(gradient).norm().item<double>(), 1e-4 * gradient.norm().item<double>()) << name;
  }
}

TEST_P(AdditionsTo, ClassifyAndDifferentiateAsPeft) {
  const Safetensors expected =
      Safetensors::open_file(test::golden(std::string("model/") + GetParam() + "/peft.safetensors"));
  Additions lora(golden.catalogue);
  for (const char* role : {"query", "key", "value", "attention_output", "intermediate", "output"}) {
    for (const LinearTarget& target : linear_targets(golden.catalogue, role)) {
      lora.add_low_rank(target, {.rank = 2, .scale = 1.5});
    }
  }
  expect_numbers_of_peft(golden, lora, expected, "lora");
  Additions ia3(golden.catalogue);
  for (const char* role : {"key", "value"}) {
    for (const LinearTarget& target : linear_targets(golden.catalogue, role)) ia3.rescale_outputs(target);
  }
  for (const LinearTarget& target : linear_targets(golden.catalogue, "output")) ia3.rescale_inputs(target);
  expect_numbers_of_peft(golden, ia3, expected, "ia3");
}

// The frozen tensors need no gradients, so that other parts of the pass are kept.
TEST_P(AdditionsTo, HaveTheSameGradientsIfNothingElseTrains) {
  class AddedAlone : public test::CollectedGradients {
   public:
    AddedAlone(const Parameters& parameters, std::size_t first) : CollectedGradients(parameters), first_(first) {}
    bool needs_gradient(std::size_t, ParameterIndex i) const override { return i >= first_; }

   private:
    std::size_t first_;
  };
  golden.compute_in_float64();
  const Additions additions = test::every_addition(golden.catalogue);
  const Parameters parameters = added_parameters(additions, true);
  const PackedBatch batch = examples();
  test::CollectedGradients all(parameters);
  AddedAlone added(parameters, additions.model_size());
  for (test::CollectedGradients* sink : {&all, static_cast<test::CollectedGradients*>(&added)}) {
    Pass pass(*golden.model.network, ModelInput{parameters, batch, std::nullopt, nullptr, &additions}, {.sink = sink});
    pass.backward(batch_loss(pass.logits().front(), batch.labels).logits_gradient);
  }
  for (ParameterIndex i = additions.model_size(); i < parameters.size(); ++i) {
    EXPECT_TRUE(added.gradients[i].allclose(all.gradients[i], 1e-9, 1e-12)) << additions.catalogue()[i].name;
  }
}

// LoRA of two ranks, IA3, and no addition, in one pass.
TEST_P(AdditionsTo, GiveModelsOfOnePassTheNumbersThatEachHasAlone) {
  golden.compute_in_float64();
  std::vector<Additions> additions = {test::every_addition(golden.catalogue), Additions(golden.catalogue),
                                      Additions(golden.catalogue)};
  for (const LinearTarget& target : linear_targets(golden.catalogue, "query")) {
    additions[1].add_low_rank(target, {.rank = 5, .scale = 0.5, .dropout = 0.1});
  }
  for (const LinearTarget& target : linear_targets(golden.catalogue, "value")) additions[2].rescale_outputs(target);
  std::vector<Parameters> parameters;
  for (const Additions& one : additions) parameters.push_back(added_parameters(one, true));
  parameters.push_back(golden.parameters);
  const PackedBatch batch = examples();
  std::vector<ModelInput> inputs;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    inputs.push_back({parameters[i], batch, std::uint64_t{3}, nullptr, i < additions.size() ? &additions[i] : nullptr});
  }
  std::vector<std::unique_ptr<test::CollectedGradients>> together, alone;
  std::vector<GradientSink*> sinks;
  for (const Parameters& own : parameters) {
    together.push_back(std::make_unique<test::CollectedGradients>(own));
    alone.push_back(std::make_unique<test::CollectedGradients>(own));
    sinks.push_back(together.back().get());
  }
  test::SinkOfEach sink(sinks);
  Pass pass(*golden.model.network, inputs, {.sink = &sink, .dropout = 0.1});
  std::vector<at::Tensor> of_logits;
  for (const at::Tensor& own : pass.logits()) of_logits.push_back(batch_loss(own, batch.labels).logits_gradient);
  pass.backward(of_logits);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    Pass single(*golden.model.network, inputs[i], {.sink = alone[i].get(), .dropout = 0.1});
    single.backward(batch_loss(single.logits().front(), batch.labels).logits_gradient);
    EXPECT_TRUE(pass.logits()[i].allclose(single.logits().front(), 1e-9, 1e-9)) << i;
    for (ParameterIndex p = 0; p < parameters[i].size(); ++p) {
      EXPECT_TRUE(together[i]->gradients[p].allclose(alone[i]->gradients[p], 1e-8, 1e-9)) << i << " " << p;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Golden, AdditionsTo, test::architecture_goldens(), test::name_of_golden);

std::vector<std::string> names_of(const Additions& additions) {
  std::vector<std::string> names;
  for (ParameterIndex i = additions.model_size(); i < additions.catalogue().size(); ++i) {
    names.push_back(additions.catalogue()[i].name);
  }
  return names;
}

TEST(Additions, AreNamedAfterTheirLayerAndBelongToIt) {
  const test::ArchitectureGolden golden("roberta");
  Additions additions(golden.catalogue);
  const LinearTarget target = linear_targets(golden.catalogue, "value").at(1);
  additions.add_low_rank(target, {.rank = 2});
  EXPECT_THAT(names_of(additions),
              ::testing::ElementsAre("roberta.encoder.layer.1.attention.self.value.lora_A.weight",
                                     "roberta.encoder.layer.1.attention.self.value.lora_B.weight"));
  const ParameterInfo& down = additions.catalogue()[additions.model_size()];
  EXPECT_EQ(down.component, "attention.self.value.lora_A.weight");
  EXPECT_EQ(down.layer, golden.catalogue[target.weight].layer);
  EXPECT_FALSE(down.is_head());
}

// GPT-2 computes queries, keys and values by one matrix.
TEST(Additions, ReachTheQueriesOfAJoinedLayerAlone) {
  test::ArchitectureGolden golden("gpt2");
  golden.compute_in_float64();
  Additions additions(golden.catalogue);
  const LinearTarget query = linear_targets(golden.catalogue, "query").front();
  const LinearTarget value = linear_targets(golden.catalogue, "value").front();
  EXPECT_EQ(query.weight, value.weight);
  additions.add_low_rank(query, {.rank = 2});
  EXPECT_EQ(names_of(additions).front(), "transformer.h.0.attn.c_attn.query.lora_A.weight");
  Parameters parameters = golden.parameters;
  additions.append_initial(parameters, 1);
  test::randomize_added(additions, parameters);
  const at::Tensor change = additions.merged(parameters)[query.weight].sub(golden.parameters[query.weight]);
  const std::int64_t hidden = query.inputs;
  EXPECT_GT(change.narrow(1, 0, hidden).abs().min().item<double>(), 0.0);
  EXPECT_EQ(change.narrow(1, hidden, 2 * hidden).abs().max().item<double>(), 0.0);
}

TEST(Additions, BeginWithNumbersOfTheSeed) {
  const test::ArchitectureGolden golden("roberta");
  Additions additions(golden.catalogue);
  for (const LinearTarget& target : linear_targets(golden.catalogue, "query")) {
    additions.add_low_rank(target, {.rank = 16});
    additions.rescale_outputs(target);
  }
  const auto drawn = [&](std::uint64_t seed) {
    Parameters parameters = golden.parameters;
    additions.append_initial(parameters, seed);
    return parameters;
  };
  const Parameters first = drawn(1);
  const std::size_t down = additions.model_size();
  const double bound = 1.0 / std::sqrt(static_cast<double>(first[down].size(1)));
  EXPECT_LE(first[down].abs().max().item<double>(), bound);
  EXPECT_NEAR(first[down].square().mean().item<double>(), bound * bound / 3, 0.1 * bound * bound);  // uniform
  EXPECT_EQ(first[down + 1].abs().max().item<double>(), 0.0);
  EXPECT_EQ(first[down + 2].sub(1.0).abs().max().item<double>(), 0.0);
  EXPECT_TRUE(first[down].equal(drawn(1)[down]));
  EXPECT_FALSE(first[down].equal(drawn(2)[down]));
  EXPECT_FALSE(first[down].equal(first[down + 3])) << "two layers have the same numbers";
}

}  // namespace
}  // namespace tunescope
