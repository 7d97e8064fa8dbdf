#include <ATen/ops/empty.h>
#include <ATen/ops/randn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "support/golden.hpp"
#include "support/temporary_folder.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/method/method.hpp"
#include "tunescope/model/network.hpp"

namespace tunescope {
namespace {

using test::message_of;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string refused_spelling(const std::string& text) {
  return message_of<ConfigError>([&] { parse_method(text); });
}

ParameterCatalogue catalogue_of(const std::string& model) {
  return read_network(test::golden("model/" + model + "/config.json")).network->catalogue(2);
}

// The names of what trains whole or in part, without the head.
std::vector<std::string> trained(const ParameterCatalogue& catalogue, const std::string& method,
                                 const SelectionContext& context = {.seed = 1}) {
  const Selection selection = select_parameters(parse_method(method), catalogue, context);
  std::vector<std::string> names;
  for (ParameterIndex i = 0; i < catalogue.backbone_count(); ++i) {
    if (selection[i].kind != TensorSelection::Kind::kNone) names.push_back(catalogue[i].name);
  }
  return names;
}

TEST(Layers, HaveOneSpelling) {
  EXPECT_EQ(parse_method("layernorm:layers=8-11").text(), "layernorm:layers=8-11");
  EXPECT_EQ(parse_method("bitfit:layers=03-3").text(), "bitfit:layers=3");
  EXPECT_EQ(parse_method("layernorm-output:layers=last04").text(), "layernorm-output:layers=last4");
  EXPECT_EQ(parse_method("random:pool=full,layers=0,fraction=0.5").text(), "random:fraction=0.5,layers=0,pool=full");
}

TEST(Layers, RefuseWhatIsNoRange) {
  for (const char* const layers : {"4-2", "last", "last0", "first2", "-1", "1-", "1-2-3", "1+3", "x", "1 "}) {
    EXPECT_THAT(refused_spelling(std::string("layernorm:layers=") + layers),
                HasSubstr("layers must be a layer such as 4"))
        << layers;
  }
}

TEST(Layers, AreNumberedAsInTheMaps) {
  const ParameterCatalogue catalogue = catalogue_of("tiny");
  ASSERT_EQ(catalogue.encoder_layers(), 2U);
  const std::vector<std::string> last = {"bert.encoder.layer.1.output.LayerNorm.weight",
                                         "bert.encoder.layer.1.output.LayerNorm.bias"};
  EXPECT_EQ(trained(catalogue, "layernorm-output:layers=1"), last);
  EXPECT_EQ(trained(catalogue, "layernorm-output:layers=last1"), last);
  EXPECT_EQ(trained(catalogue, "layernorm-output:layers=0-1"), trained(catalogue, "layernorm-output"));
}

TEST(Layers, LeaveOutEmbeddingsAndPooler) {
  const ParameterCatalogue catalogue = catalogue_of("tiny");
  for (const std::string& name : trained(catalogue, "full:layers=last2")) {
    EXPECT_THAT(name, HasSubstr("bert.encoder.layer."));
  }
  EXPECT_EQ(trained(catalogue, "layernorm").size(), trained(catalogue, "layernorm:layers=0-1").size() + 2);
}

TEST(Layers, OfAnotherModelAreRefused) {
  const ParameterCatalogue catalogue = catalogue_of("tiny");
  for (const char* const method : {"layernorm:layers=2", "layernorm:layers=1-2", "random:layers=last3,fraction=1"}) {
    EXPECT_THAT(message_of<ConfigError>([&] { trained(catalogue, method); }),
                AllOf(HasSubstr("layers = "), HasSubstr("the model has 2 layers, 0 to 1")))
        << method;
  }
  EXPECT_THAT(message_of<ConfigError>([&] { trained(catalogue, "head:layers=0"); }),
              HasSubstr("'head:layers=0' has no"));
}

// What follows the feed-forward block of a layer of GPT-2 begins the next layer, or stands behind the last.
TEST(Layers, OfGpt2AreThoseInWhichATensorStands) {
  const ParameterCatalogue catalogue = catalogue_of("gpt2");
  EXPECT_THAT(trained(catalogue, "layernorm-output:layers=1"),
              ElementsAre("transformer.h.1.ln_1.weight", "transformer.h.1.ln_1.bias"));
  EXPECT_THAT(message_of<ConfigError>([&] { trained(catalogue, "layernorm-output:layers=0"); }),
              HasSubstr("has no tensors in this model"));
}

TEST(LayerNormHalves, AreItsWeightsAndItsBiases) {
  const ParameterCatalogue catalogue = catalogue_of("tiny");
  std::vector<std::string> both = trained(catalogue, "layernorm-weight+layernorm-bias");
  EXPECT_EQ(both, trained(catalogue, "layernorm"));
  EXPECT_EQ(trained(catalogue, "layernorm-weight").size(), both.size() / 2);
  for (const std::string& name : trained(catalogue, "layernorm-bias"))
    EXPECT_TRUE(name.ends_with("LayerNorm.bias")) << name;
}

TEST(Budget, IsAFractionOrANumberOfScalars) {
  const ParameterCatalogue catalogue = catalogue_of("tiny");
  EXPECT_EQ(parse_method("random:scalars=050").text(), "random:pool=layernorm,scalars=50");
  const auto count = [&](const char* method) {
    return trainable_count(select_parameters(parse_method(method), catalogue, {.seed = 3}), catalogue) -
           (catalogue.total_size() - catalogue.backbone_size());
  };
  EXPECT_EQ(count("random:scalars=1"), 1);
  EXPECT_EQ(count("random:scalars=77,pool=full"), 77);
  for (const char* const method : {"fisher:scalars=9", "magnitude:pool=full,scalars=9", "random:scalars=9"}) {
    const Selection planned = planning_stand_in_selection(parse_method(method), catalogue);
    EXPECT_EQ(trainable_count(planned, catalogue), 9 + catalogue.total_size() - catalogue.backbone_size()) << method;
  }
  EXPECT_THAT(refused_spelling("random:scalars=0"), HasSubstr("scalars must be a whole number, 1 or more, not '0'"));
  EXPECT_THAT(refused_spelling("random:scalars=1e3"), HasSubstr("not '1e3'"));
  EXPECT_THAT(refused_spelling("fisher:scalars=5,fraction=0.1"), HasSubstr("'fisher' needs either fraction"));
  EXPECT_THAT(message_of<ConfigError>([&] { trained(catalogue, "random:layers=0,scalars=1000000"); }),
              AllOf(HasSubstr("its pool has "), HasSubstr("choose fewer")));
}

TEST(Order, OfTheHighestIsNotSpelled) {
  EXPECT_EQ(parse_method("fisher:fraction=0.2,order=highest").text(), parse_method("fisher:fraction=0.2").text());
  EXPECT_EQ(parse_method("fisher:order=lowest,fraction=0.2").text(),
            "fisher:fraction=0.2,order=lowest,pool=layernorm,scope=task");
  EXPECT_THAT(refused_spelling("fisher:order=lowset,fraction=0.2"), HasSubstr("did you mean 'lowest'?"));
  EXPECT_THAT(refused_spelling("random:order=lowest,fraction=0.2"), HasSubstr("unknown option 'order'"));
}

// One scalar, as its value, its tensor and its place there.
using Scalar = std::tuple<double, ParameterIndex, std::int64_t>;

class Ranking : public ::testing::Test {
 protected:
  // Values of which many are equal, in absolute value.
  std::vector<at::Tensor> values(std::uint64_t seed) const {
    at::manual_seed(seed);
    std::vector<at::Tensor> all;
    for (ParameterIndex i = 0; i < catalogue.backbone_count(); ++i) {
      all.push_back(at::randn(catalogue[i].shape).mul(4).round());
    }
    return all;
  }

  // The scalars of a pool by their absolute values, equal ones in the order of the model.
  std::vector<Scalar> ordered(const std::vector<at::Tensor>& all, const std::string& pool, bool largest_first) const {
    std::vector<Scalar> scalars;
    for (const ParameterIndex i : group_tensors(pool, catalogue)) {
      const at::Tensor flat = all[i].abs().flatten();
      for (std::int64_t k = 0; k < flat.numel(); ++k) {
        const double value = flat[k].item<double>();
        scalars.emplace_back(largest_first ? -value : value, i, k);
      }
    }
    std::ranges::sort(scalars);
    return scalars;
  }

  std::vector<std::pair<ParameterIndex, std::int64_t>> chosen(const std::string& method,
                                                              const SelectionContext& context) const {
    const Selection selection = select_parameters(parse_method(method), catalogue, context);
    std::vector<std::pair<ParameterIndex, std::int64_t>> scalars;
    for (ParameterIndex i = 0; i < catalogue.backbone_count(); ++i) {
      for (const std::int64_t k : selection[i].indices) scalars.emplace_back(i, k);
    }
    return scalars;
  }

  static std::vector<std::pair<ParameterIndex, std::int64_t>> first(const std::vector<Scalar>& scalars,
                                                                    std::size_t count) {
    std::vector<std::pair<ParameterIndex, std::int64_t>> places;
    for (std::size_t i = 0; i < count; ++i) places.emplace_back(std::get<1>(scalars[i]), std::get<2>(scalars[i]));
    std::ranges::sort(places);
    return places;
  }

  ParameterCatalogue catalogue = catalogue_of("tiny");
};

TEST_F(Ranking, ByMagnitudeTakesTheLargestAbsoluteValuesOfThePretrainedModel) {
  const std::vector<at::Tensor> model = values(1);
  const SelectionContext context{.pretrained = model};
  for (const std::size_t count : {1U, 2U, 30U, 79U}) {
    const std::string scalars = "scalars=" + std::to_string(count);
    EXPECT_EQ(chosen("magnitude:pool=bitfit," + scalars, context), first(ordered(model, "bitfit", true), count))
        << count;
    EXPECT_EQ(chosen("magnitude:order=lowest,pool=bitfit," + scalars, context),
              first(ordered(model, "bitfit", false), count))
        << count;
  }
  EXPECT_EQ(chosen("magnitude:pool=full,fraction=0.3", context).size(),
            static_cast<std::size_t>(std::llround(0.3 * static_cast<double>(catalogue.backbone_size()))));
}

TEST_F(Ranking, ByFisherInformationTakesTheLowestIfAsked) {
  std::vector<at::Tensor> importance = values(2);
  for (at::Tensor& tensor : importance) tensor = tensor.square();
  const SelectionContext context{.importance = {importance}};
  EXPECT_EQ(chosen("fisher:order=lowest,scalars=25", context), first(ordered(importance, "layernorm", false), 25));
  EXPECT_EQ(chosen("fisher:scalars=25", context), first(ordered(importance, "layernorm", true), 25));
}

TEST_F(Ranking, OverSeveralTasksGoesByTheBestRankThenTheSumOfRanks) {
  std::vector<ParameterImportance> tasks = {values(3), values(4), values(5)};
  for (const bool largest_first : {true, false}) {
    std::map<std::pair<ParameterIndex, std::int64_t>, std::pair<std::size_t, std::size_t>> ranks;  // best, sum
    for (const ParameterImportance& task : tasks) {
      const std::vector<Scalar> scalars = ordered(task, "layernorm", largest_first);
      for (std::size_t rank = 0; rank < scalars.size(); ++rank) {
        const auto [known, is_new] =
            ranks.try_emplace({std::get<1>(scalars[rank]), std::get<2>(scalars[rank])}, rank, std::size_t{0});
        known->second.first = std::min(known->second.first, rank);
        known->second.second += rank;
      }
    }
    std::vector<std::tuple<std::size_t, std::size_t, ParameterIndex, std::int64_t>> in_order;
    for (const auto& [place, both] : ranks) in_order.emplace_back(both.first, both.second, place.first, place.second);
    std::ranges::sort(in_order);
    for (std::size_t count = 1; count <= 40; ++count) {
      std::vector<std::pair<ParameterIndex, std::int64_t>> expected;
      for (std::size_t i = 0; i < count; ++i) {
        expected.emplace_back(std::get<2>(in_order[i]), std::get<3>(in_order[i]));
      }
      std::ranges::sort(expected);
      const std::string order = largest_first ? "" : ",order=lowest";
      EXPECT_EQ(chosen("fisher:scope=union,scalars=" + std::to_string(count) + order, {.importance = tasks}), expected)
          << count;
    }
  }
}

}  // namespace
}  // namespace tunescope
