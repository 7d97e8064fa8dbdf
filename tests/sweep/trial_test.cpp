#include "tunescope/sweep/trial.hpp"

#include <gtest/gtest.h>

#include <set>

namespace tunescope {
namespace {

SweepSpec small_spec() {
  SweepSpec spec;
  spec.tasks = {"CoLA", "RTE"};
  spec.methods = {parse_method("full"), parse_method("bitfit")};
  spec.learning_rates = {1e-5, 2e-5, 3e-5};
  spec.peft_learning_rates = {1e-3, 1e-4};
  spec.seeds = {1, 2};
  return spec;
}

const InputHashes kHashes{.model = "m", .tokenizer = "t", .tasks = {{"CoLA", "c"}, {"RTE", "r"}}};

TEST(Trials, AreTasksTimesMethodsTimesTheirLearningRatesTimesSeeds) {
  const auto trials = expand_trials(small_spec(), kHashes);
  EXPECT_EQ(trials.size(), 2U * (3U + 2U) * 2U);
  std::set<std::string> ids;
  for (const Trial& trial : trials) ids.insert(trial.id());
  EXPECT_EQ(ids.size(), trials.size());
}

TEST(Trials, HaveIdsOfSixteenHexDigitsThatFollowFromTheirContent) {
  const Trial trial = expand_trials(small_spec(), kHashes).front();
  EXPECT_EQ(trial.id().size(), 16U);
  EXPECT_EQ(trial.id(), expand_trials(small_spec(), kHashes).front().id());
  Trial other = trial;
  other.options.weight_decay = 0.02;
  EXPECT_NE(other.id(), trial.id());
  other = trial;
  other.data_hash = "d";
  EXPECT_NE(other.id(), trial.id());
}

TEST(Trials, DoNotDependOnDeviceOrThreads) {
  SweepSpec spec = small_spec();
  const std::string id = expand_trials(spec, kHashes).front().id();
  spec.device = DeviceKind::kCpu;
  spec.threads = 7;
  EXPECT_EQ(expand_trials(spec, kHashes).front().id(), id);
}

TEST(InputHashes, SurviveTheWayToOtherRanks) {
  const InputHashes parsed = InputHashes::parse(kHashes.serialize());
  EXPECT_EQ(parsed.model, "m");
  EXPECT_EQ(parsed.tokenizer, "t");
  EXPECT_EQ(parsed.tasks, kHashes.tasks);
}

}  // namespace
}  // namespace tunescope
