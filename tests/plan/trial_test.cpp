#include "tunescope/plan/trial.hpp"

#include <gtest/gtest.h>

#include <set>

#include "tunescope/plan/fisher_run.hpp"

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

TEST(Trials, OfAnySelectionButTheDevelopmentSetNameIt) {
  SweepSpec spec = small_spec();
  const auto description_with = [&](const char* selection) {
    spec.selection = parse_selection(selection);
    return expand_trials(spec, kHashes).front().description();
  };
  EXPECT_EQ(description_with("dev").find("selection"), std::string::npos);
  EXPECT_NE(description_with("half-dev").find("\nselection = half-dev\n"), std::string::npos);
  EXPECT_NE(description_with("train:0.10").find("\nselection = train:0.1\n"), std::string::npos);
}

TEST(Trials, OfAnyPrecisionButFloat32NameIt) {
  SweepSpec spec = small_spec();
  const auto description_in = [&](Precision precision) {
    spec.train.precision = precision;
    return expand_trials(spec, kHashes).front().description();
  };
  EXPECT_EQ(description_in(Precision::kFloat32).find("precision"), std::string::npos);
  EXPECT_NE(description_in(Precision::kBfloat16).find("\nprecision = bfloat16\n"), std::string::npos);
  EXPECT_NE(description_in(Precision::kTf32).find("\nprecision = tf32\n"), std::string::npos);
}

// Stored results are found by these: the identifiers are SHA-256 sums of the texts, computed once with another program.
TEST(Trials, HaveTheDescriptionsAndIdsOfEarlierBuilds) {
  Trial trial{.task = "RTE",
              .method = parse_method("fisher:pool=layernorm,fraction=0.2,scope=union"),
              .learning_rate = 2.5e-4,
              .seed = 7,
              .max_length = 96,
              .train_examples = 1000,
              .dev_examples = 50,
              .options = {.epochs = 5,
                          .max_steps = 123,
                          .batch_size = 24,
                          .warmup_fraction = 0.06,
                          .schedule = ScheduleShape::kConstant,
                          .weight_decay = 0.02,
                          .clip_norm = 0.5,
                          .evaluate_every = 17,
                          .dropout = 0.2,
                          .precision = Precision::kBfloat16},
              .model_hash = "m",
              .tokenizer_hash = "t",
              .data_hash = "r",
              .fisher_runs = {"00", "ff"}};
  const std::string rest =
      "learning_rate = 0.00025\nseed = 7\nmax_length = 96\ntrain_examples = 1000\ndev_examples = 50\nepochs = 5\n"
      "max_steps = 123\nbatch_size = 24\nwarmup_fraction = 0.06\nschedule = constant\nweight_decay = 0.02\n"
      "clip_norm = 0.5\nevaluate_every = 17\nprecision = bfloat16\ndropout = 0.2\nmodel = m\ntokenizer = t\ndata = r\n";
  EXPECT_EQ(trial.description(),
            "tunescope trial 2\ntask = RTE\nmethod = fisher:fraction=0.2,pool=layernorm,scope=union\n" + rest +
                "fisher = 00 ff\n");
  EXPECT_EQ(trial.id(), "00543ae440453eb6");
  EXPECT_EQ(trial.mask_id(), "e6ab153815b08196");

  trial.seed = 8;
  EXPECT_EQ(trial.mask_id(), "e6ab153815b08196");

  trial.seed = 7;
  trial.method = parse_method("full");
  trial.fisher_runs.clear();
  FisherRun run{.training = trial,
                .point = 0.5,
                .mode = FisherMode::kSampled,
                .examples = 512,
                .batch_size = 4,
                .parameters = "full",
                .keep = "layernorm"};
  EXPECT_EQ(run.id(), "eaedfed40a24eda6");
  run.precision = Precision::kTf32;
  EXPECT_EQ(run.description().find("keep = layernorm\nprecision = tf32\ntunescope trial 2\n"),
            run.description().find("keep = "));
  EXPECT_NE(run.id(), "eaedfed40a24eda6");
  run.precision = Precision::kFloat32;
  run.draws = 2;
  EXPECT_NE(run.id(), "eaedfed40a24eda6");
}

TEST(Trials, HaveAMaskForEachSeedIfAPartOfTheMethodDrawsScalars) {
  Trial trial;
  trial.method = parse_method("fisher:fraction=0.2+random:fraction=0.1,pool=bitfit");
  trial.fisher_runs = {"00"};
  const std::string mask = trial.mask_id();
  trial.seed = 1;
  EXPECT_NE(trial.mask_id(), mask);
}

TEST(FisherRuns, AreThoseOfTheScopeOfACombinationsFisherPart) {
  SweepSpec spec = small_spec();
  for (const auto& [scope, tasks] : {std::pair("task", 1U), std::pair("union", 2U), std::pair("leave-one-out", 1U)}) {
    const Method method = parse_method(std::string("bitfit+fisher:fraction=0.2,scope=") + scope);
    EXPECT_EQ(fisher_runs_of(spec, kHashes, method, "CoLA").size(), tasks) << scope;
  }
  EXPECT_TRUE(fisher_runs_of(spec, kHashes, parse_method("bitfit+layernorm"), "CoLA").empty());
}

TEST(InputHashes, SurviveTheWayToOtherRanks) {
  const InputHashes parsed = InputHashes::parse(kHashes.serialize());
  EXPECT_EQ(parsed.model, "m");
  EXPECT_EQ(parsed.tokenizer, "t");
  EXPECT_EQ(parsed.tasks, kHashes.tasks);
}

}  // namespace
}  // namespace tunescope
