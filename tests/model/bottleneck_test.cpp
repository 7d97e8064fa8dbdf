#include <ATen/ops/cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/additions_case.hpp"
#include "tunescope/method/method.hpp"

namespace tunescope {
namespace {

class BottlenecksIn : public ::testing::TestWithParam<const char*>, protected test::AdditionsCase {
 protected:
  BottlenecksIn() : AdditionsCase(GetParam()) {}

  Additions with(const std::string& method) const { return additions_of(parse_method(method), golden.catalogue); }
};

// make_adapters_golden.py
TEST_P(BottlenecksIn, ClassifyAndDifferentiateAsTheLibraryAdapters) {
  const Safetensors expected =
      Safetensors::open_file(test::golden(std::string("model/") + GetParam() + "/adapters.safetensors"));
  expect_golden_numbers(with("adapter:size=4"), expected, "houlsby");
  expect_golden_numbers(with("adapter:placement=pfeiffer,size=4"), expected, "pfeiffer");
}

TEST_P(BottlenecksIn, HaveTheGradientsOfFiniteDifferencesBesideOtherAdditions) {
  Additions additions = test::every_addition(golden.catalogue);
  test::add_bottlenecks(additions);
  expect_gradients_of_finite_differences(additions);
}

TEST_P(BottlenecksIn, HaveTheSameGradientsIfNothingElseTrains) {
  Additions additions(golden.catalogue);
  test::add_bottlenecks(additions);
  expect_same_gradients_if_nothing_else_trains(additions);
}

// Two placements, two sizes, other additions, and none.
TEST_P(BottlenecksIn, GiveModelsOfOnePassTheNumbersThatEachHasAlone) {
  expect_numbers_that_each_has_alone({with("adapter:size=4"), with("adapter:placement=pfeiffer,size=4"),
                                      with("adapter:size=2"), with("adapter:size=4+lora:rank=3,targets=output"),
                                      test::every_addition(golden.catalogue)});
}

// With the numbers of BERT's initial weights, which are small.
TEST_P(BottlenecksIn, ChangeTheLogitsLittleAtFirst) {
  const Additions additions = with("adapter:size=4");
  const at::Tensor before = logits(golden.parameters, nullptr);
  const at::Tensor after = logits(added_parameters(additions, false), &additions);
  EXPECT_FALSE(after.equal(before));
  EXPECT_LT(after.sub(before).norm().item<double>(), 0.05 * before.norm().item<double>());
}

// The weight that one is behind of stays the same object, others have what is added to them.
TEST_P(BottlenecksIn, StayBehindTheModelWhenAllElseIsMerged) {
  EXPECT_TRUE(with("ia3+lora").unmerged().empty());
  const Additions additions = with("adapter:size=2+lora:targets=query");
  const Parameters parameters = added_parameters(additions, true);
  const Parameters merged = additions.merged(parameters);
  const Additions left = additions.unmerged();
  const ParameterCatalogue& catalogue = left.catalogue();
  ASSERT_EQ(merged.size(), catalogue.size());
  EXPECT_EQ(catalogue.size() - golden.catalogue.size(), 8 * golden.catalogue.encoder_layers());
  for (const LinearTarget& target : linear_targets(golden.catalogue, "output")) {
    EXPECT_TRUE(merged[target.weight].is_same(parameters[target.weight]));
  }
  for (ParameterIndex i = golden.catalogue.size(); i < merged.size(); ++i) {
    EXPECT_THAT(catalogue[i].name, ::testing::HasSubstr(".adapter_"));
    EXPECT_EQ(merged[i].sizes(), at::IntArrayRef(catalogue[i].shape));
  }
  EXPECT_TRUE(logits(merged, &left).allclose(logits(parameters, &additions), 1e-4, 1e-5));
  const std::vector<bool> is_merged = additions.merged_tensors();
  for (ParameterIndex i = 0; i < is_merged.size(); ++i) {
    EXPECT_EQ(is_merged[i], additions.catalogue()[i].name.find(".lora_") != std::string::npos);
  }
}

INSTANTIATE_TEST_SUITE_P(Golden, BottlenecksIn, test::architecture_goldens(), test::name_of_golden);

TEST(Bottlenecks, BeginWithNumbersOfTheSeed) {
  const test::ArchitectureGolden golden("roberta");
  const Additions additions = additions_of(parse_method("adapter:size=300"), golden.catalogue);
  const auto drawn = [&](std::uint64_t seed) {
    Parameters parameters = golden.parameters;
    additions.append_initial(parameters, seed);
    return parameters;
  };
  const Parameters first = drawn(1);
  std::vector<at::Tensor> matrices;
  for (ParameterIndex i = additions.model_size(); i < first.size(); ++i) {
    if (additions.catalogue()[i].is_bias) {
      EXPECT_EQ(first[i].abs().max().item<double>(), 0.0);
    } else {
      matrices.push_back(first[i].flatten());
      EXPECT_FALSE(first[i].equal(drawn(2)[i]));
    }
  }
  EXPECT_NEAR(at::cat(matrices).square().mean().item<double>(), 0.02 * 0.02, 1e-5);
  EXPECT_NEAR(at::cat(matrices).mean().item<double>(), 0.0, 1e-3);
}

}  // namespace
}  // namespace tunescope
