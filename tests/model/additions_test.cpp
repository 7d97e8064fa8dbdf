#include "tunescope/model/additions.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/additions_case.hpp"

namespace tunescope {
namespace {

class AdditionsTo : public ::testing::TestWithParam<const char*>, protected test::AdditionsCase {
 protected:
  AdditionsTo() : AdditionsCase(GetParam()) {}
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

TEST_P(AdditionsTo, HaveTheGradientsOfFiniteDifferences) {
  expect_gradients_of_finite_differences(test::every_addition(golden.catalogue));
}

// make_peft_golden.py
TEST_P(AdditionsTo, ClassifyAndDifferentiateAsPeft) {
  const Safetensors expected =
      Safetensors::open_file(test::golden(std::string("model/") + GetParam() + "/peft.safetensors"));
  Additions lora(golden.catalogue);
  for (const char* role : {"query", "key", "value", "attention_output", "intermediate", "output"}) {
    for (const LinearTarget& target : linear_targets(golden.catalogue, role)) {
      lora.add_low_rank(target, {.rank = 2, .scale = 1.5});
    }
  }
  expect_golden_numbers(lora, expected, "lora");
  Additions ia3(golden.catalogue);
  for (const char* role : {"key", "value"}) {
    for (const LinearTarget& target : linear_targets(golden.catalogue, role)) ia3.rescale_outputs(target);
  }
  for (const LinearTarget& target : linear_targets(golden.catalogue, "output")) ia3.rescale_inputs(target);
  expect_golden_numbers(ia3, expected, "ia3");
}

TEST_P(AdditionsTo, HaveTheSameGradientsIfNothingElseTrains) {
  expect_same_gradients_if_nothing_else_trains(test::every_addition(golden.catalogue));
}

// LoRA of two ranks, IA3, and no addition, in one pass.
TEST_P(AdditionsTo, GiveModelsOfOnePassTheNumbersThatEachHasAlone) {
  std::vector<Additions> additions = {test::every_addition(golden.catalogue), Additions(golden.catalogue),
                                      Additions(golden.catalogue)};
  for (const LinearTarget& target : linear_targets(golden.catalogue, "query")) {
    additions[1].add_low_rank(target, {.rank = 5, .scale = 0.5, .dropout = 0.1});
  }
  for (const LinearTarget& target : linear_targets(golden.catalogue, "value")) additions[2].rescale_outputs(target);
  expect_numbers_that_each_has_alone(additions);
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
