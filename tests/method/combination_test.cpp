#include <ATen/ops/full.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "support/catalogue_lookup.hpp"
#include "support/golden.hpp"
#include "support/temporary_folder.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/method/method.hpp"
#include "tunescope/model/network.hpp"

namespace tunescope {
namespace {

using test::message_of;
using ::testing::AllOf;
using ::testing::HasSubstr;

std::string refusal(const std::string& text) {
  return message_of<ConfigError>([&] { parse_method(text); });
}

TEST(Combination, HasOneSpelling) {
  EXPECT_EQ(parse_method("layernorm+bitfit").text(), "bitfit+layernorm");
  EXPECT_EQ(parse_method("random:pool=full,fraction=0.010+layernorm").text(),
            "layernorm+random:fraction=0.01,pool=full");
  EXPECT_EQ(parse_method("fisher:fraction=0.2+bitfit").text(), "bitfit+fisher:fraction=0.2,pool=layernorm,scope=task");
}

TEST(Combination, IsTheSameAfterItsSpellingIsParsed) {
  const std::string text = parse_method("random:fraction=0.5,pool=bitfit+layernorm-output+head").text();
  EXPECT_EQ(parse_method(text).text(), text);
}

TEST(Combination, RefusesPartsThatNobodyKnows) {
  EXPECT_THAT(refusal("layernorm+bitfitt"), HasSubstr("unknown method 'bitfitt'; did you mean 'bitfit'?"));
  EXPECT_THAT(refusal("layernorm+"), HasSubstr("unknown method ''"));
  EXPECT_THAT(refusal("+layernorm"), HasSubstr("unknown method ''"));
  EXPECT_THAT(refusal("layernorm++bitfit"), HasSubstr("unknown method ''"));
}

// So that an option can be a list: `targets=query+value`.
TEST(Combination, TakesWhatIsNoMethodForAPieceOfTheOptionBefore) {
  EXPECT_THAT(refusal("random:fraction=0.2+value"), HasSubstr("not '0.2+value'"));
  EXPECT_THAT(refusal("random:fraction=0.2,pool=layernorm+query+bitfit"), HasSubstr("unknown pool 'layernorm+query'"));
}

TEST(Combination, RefusesAPartThatStandsThereTwice) {
  EXPECT_THAT(refusal("layernorm+bitfit+layernorm"), AllOf(HasSubstr("layernorm+bitfit+layernorm"),
                                                           HasSubstr("'layernorm' stands there twice; leave one out")));
  EXPECT_THAT(refusal("random:fraction=0.2+random:pool=layernorm,fraction=0.20"), HasSubstr("twice"));
  EXPECT_THAT(refusal("random:fraction=0.2+random:pool=bitfit,fraction=0.2"),
              HasSubstr("'random' may be one part, found two"));
}

class CombinedSelection : public ::testing::Test {
 protected:
  Selection select(const std::string& method, const SelectionContext& context = {.seed = 1}) const {
    return select_parameters(parse_method(method), catalogue, context);
  }
  ParameterCatalogue catalogue = read_network(test::golden("model/tiny/config.json")).network->catalogue(2);
};

TEST_F(CombinedSelection, TrainsWhatAnyPartTrains) {
  const Selection both = select("bitfit+layernorm");
  for (ParameterIndex i = 0; i < catalogue.size(); ++i) {
    const bool trains = catalogue[i].is_bias || catalogue[i].is_layer_norm() || catalogue[i].is_head();
    EXPECT_EQ(both[i].kind, trains ? TensorSelection::Kind::kAll : TensorSelection::Kind::kNone) << catalogue[i].name;
  }
}

TEST_F(CombinedSelection, TrainsATensorWholeThatAPartTrainsWhole) {
  const Selection random = select("random:fraction=0.3,pool=full");
  const Selection both = select("layernorm+random:fraction=0.3,pool=full");
  for (ParameterIndex i = 0; i < catalogue.size(); ++i) {
    if (catalogue[i].is_layer_norm() || catalogue[i].is_head()) {
      EXPECT_EQ(both[i].kind, TensorSelection::Kind::kAll) << catalogue[i].name;
    } else {
      EXPECT_EQ(both[i].indices, random[i].indices) << catalogue[i].name;
    }
  }
}

TEST_F(CombinedSelection, JoinsChosenScalarsOfATensorInAscendingOrder) {
  ParameterImportance importance(catalogue.size());
  for (const ParameterIndex i : group_tensors("layernorm", catalogue)) {
    importance[i] = at::full({catalogue[i].size()}, 1.0F);
  }
  const SelectionContext context{.seed = 1, .importance = {importance}};
  const Selection fisher = select("fisher:fraction=0.4", context);
  const Selection random = select("random:fraction=0.4", context);
  const Selection both = select("fisher:fraction=0.4+random:fraction=0.4", context);
  for (const ParameterIndex i : group_tensors("layernorm", catalogue)) {
    std::set<std::int64_t> joined(fisher[i].indices.begin(), fisher[i].indices.end());
    joined.insert(random[i].indices.begin(), random[i].indices.end());
    EXPECT_EQ(both[i].indices, std::vector<std::int64_t>(joined.begin(), joined.end())) << catalogue[i].name;
  }
}

TEST_F(CombinedSelection, RefusesAPartThatAddsNothing) {
  for (const char* const text : {"full+layernorm", "layernorm+layernorm-output", "bitfit+head",
                                 "layernorm+random:fraction=0.5", "fisher:fraction=0.5,pool=bitfit+full"}) {
    EXPECT_THAT(message_of<ConfigError>([&] { select(text); }), HasSubstr("adds nothing to the other parts")) << text;
  }
}

TEST_F(CombinedSelection, HasAStandInForItsFisherPart) {
  const Method method = planning_stand_in(parse_method("layernorm-output+fisher:fraction=0.25,pool=bitfit"));
  EXPECT_EQ(method.fisher_part(), nullptr);
  EXPECT_NO_THROW(select_parameters(method, catalogue, {}));
}

// What a method trains is known only when its parts have chosen; the plan has the most that it could be.
TEST_F(CombinedSelection, IsPlannedAsIfItsPartsChoseDifferentScalars) {
  const std::int64_t head = catalogue.total_size() - catalogue.backbone_size();
  const auto size_of = [&](const char* group) {
    std::int64_t size = 0;
    for (const ParameterIndex i : group_tensors(group, catalogue)) size += catalogue[i].size();
    return size;
  };
  const std::int64_t pool = size_of("layernorm");
  const auto planned = [&](const std::string& method) {
    return trainable_count(parse_method(method), catalogue) - head;
  };
  EXPECT_EQ(planned("fisher:scalars=20+random:scalars=30"), 50);
  EXPECT_EQ(planned("fisher:scalars=20+magnitude:scalars=11+random:scalars=30"), 61);
  EXPECT_EQ(planned("fisher:fraction=0.7+random:fraction=0.7"), pool);
  EXPECT_EQ(planned("fisher:pool=all,scalars=5000+random:scalars=" + std::to_string(pool)), 5000 + pool);
  EXPECT_EQ(planned("layernorm+random:pool=all,scalars=5000"), 5000 + pool);
  EXPECT_EQ(planned("layernorm-output+fisher:fraction=1"), pool);
  EXPECT_EQ(planned("bitfit+random:pool=layernorm,fraction=1"), size_of("bitfit") + size_of("layernorm-weight"));
}

TEST_F(CombinedSelection, IsPlannedOverAllOfItsPools) {
  const Selection planned =
      planning_stand_in_selection(parse_method("fisher:fraction=0.5+random:pool=full,fraction=0.5"), catalogue);
  for (const ParameterIndex i : group_tensors("full", catalogue)) {
    const auto half = static_cast<double>(catalogue[i].size()) / 2;
    EXPECT_GE(static_cast<double>(planned[i].count(catalogue[i].size())), half - 1) << catalogue[i].name;
    EXPECT_TRUE(std::ranges::is_sorted(planned[i].indices, std::less_equal<>()));
    if (planned[i].indices.empty()) continue;
    EXPECT_LT(planned[i].indices.back(), catalogue[i].size());
  }
}

}  // namespace
}  // namespace tunescope
