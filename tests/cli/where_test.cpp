#include "cli/selection/where.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "support/temporary_folder.hpp"
#include "tunescope/base/error.hpp"

namespace tunescope::cli {
namespace {

using test::message_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

PlannedTrial planned(const std::string& id, const std::string& task, const std::string& method, double learning_rate,
                     std::uint64_t seed, double score) {
  PlannedTrial trial{.trial = {}, .id = id};
  trial.trial.task = task;
  trial.trial.method = parse_method(method);
  trial.trial.learning_rate = learning_rate;
  trial.trial.seed = seed;
  trial.stored.selection_score = score;
  return trial;
}

const double kNoScore = std::numeric_limits<double>::quiet_NaN();

const std::vector<PlannedTrial>& trials() {
  static const std::vector<PlannedTrial> all = {
      planned("a1", "CoLA", "layernorm", 1e-3, 1, 0.5),          planned("a2", "CoLA", "layernorm", 1e-3, 2, 0.75),
      planned("b1", "CoLA", "lora:rank=4", 2.5e-4, 1, kNoScore), planned("b2", "CoLA", "lora:rank=8", 2.5e-4, 1, 0.25),
      planned("c1", "RTE", "layernorm", 1e-3, 1, 0.75),          planned("c2", "RTE", "ia3+lora", 1e-3, 1, 0.75),
  };
  return all;
}

std::vector<std::string> chosen_of(const std::vector<PlannedTrial>& trials, const std::string& where) {
  Task claims;
  claims.name = "claims";
  std::vector<std::string> ids;
  const TrialFilter filter = parse_where(where);
  for (const PlannedTrial& trial : filter.best(filter.matching(trials, {claims}))) ids.push_back(trial.id);
  return ids;
}

std::vector<std::string> chosen(const std::string& where) { return chosen_of(trials(), where); }

std::string refusal(const std::string& where) {
  return message_of<ConfigError>([&] { chosen(where); });
}

TEST(Where, ChoosesTheTrialsThatMeetEveryCondition) {
  EXPECT_THAT(chosen("task=CoLA"), ElementsAre("a1", "a2", "b1", "b2"));
  EXPECT_THAT(chosen("task=cola,seed=1,learning_rate=0.001"), ElementsAre("a1"));
  EXPECT_THAT(chosen("id=b"), ElementsAre("b1", "b2"));
  EXPECT_THAT(chosen("task=RTE,seed=2"), IsEmpty());
}

TEST(Where, KnowsTheOwnTasksOfTheJob) {
  const std::vector<PlannedTrial> of_two = {planned("a", "claims", "head", 1e-3, 1, 0.5),
                                            planned("b", "RTE", "head", 1e-3, 1, 0.5)};
  EXPECT_THAT(chosen_of(of_two, "task=claims"), ElementsAre("a"));
  EXPECT_THAT(chosen_of(of_two, "task=rte"), ElementsAre("b"));
  EXPECT_THAT(message_of<ConfigError>([&] { chosen_of(of_two, "task=claim"); }), HasSubstr("did you mean 'claims'?"));
}

TEST(Where, TakesSeveralValuesOfAColumnAsAlternatives) {
  EXPECT_THAT(chosen("id=a2,task=RTE,id=c,task=CoLA"), ElementsAre("a2", "c1", "c2"));
}

TEST(Where, TakesAMethodWithoutOptionsForAllOfItsName) {
  EXPECT_THAT(chosen("method=lora"), ElementsAre("b1", "b2"));
  EXPECT_THAT(chosen("method=lora+ia3"), ElementsAre("c2"));
}

TEST(Where, ReadsTheOptionsOfAMethodBeyondTheirCommas) {
  EXPECT_THAT(chosen("method=lora:rank=4,alpha=16,task=CoLA"), ElementsAre("b1"));
  EXPECT_THAT(chosen("method=lora:alpha=16,rank=8,method=layernorm,seed=1"), ElementsAre("a1", "b2", "c1"));
}

TEST(Where, KeepsTheBestOfEachGroup) {
  EXPECT_THAT(chosen("best=task"), ElementsAre("a2", "c1")) << "the first of equals";
  EXPECT_THAT(chosen("best=task+method"), ElementsAre("a2", "b1", "b2", "c1", "c2"));
  EXPECT_THAT(chosen("method=lora,best=task"), ElementsAre("b2")) << "one without a score is the worst";
  EXPECT_THAT(chosen("best=seed,task=CoLA"), ElementsAre("a1", "a2"));
}

TEST(Where, RefusesWhatItDoesNotKnowWithTheNearestName) {
  EXPECT_THAT(refusal("tsk=CoLA"), HasSubstr("unknown column 'tsk'; did you mean 'task'?"));
  EXPECT_THAT(refusal("best=metod"), HasSubstr("unknown column 'metod'; did you mean 'method'?"));
  EXPECT_THAT(refusal("task=CoL"), HasSubstr("task=CoL: unknown task 'CoL'; did you mean 'CoLA'?"));
  EXPECT_THAT(refusal("method=layernrom"), HasSubstr("did you mean 'layernorm'?"));
  EXPECT_THAT(refusal("seed=one"), HasSubstr("seed=one: 'one' is no number"));
  for (const char* where : {"", "CoLA", "task=", "task=CoLA,", "seed=1,rank=4"}) {
    EXPECT_THAT(refusal(where), HasSubstr("--where: ")) << where;
  }
}

}  // namespace
}  // namespace tunescope::cli
