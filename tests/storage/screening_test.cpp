#include "tunescope/storage/screening.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>

#include "support/sample_record.hpp"
#include "support/temporary_folder.hpp"
#include "tunescope/results/trial_record.hpp"
#include "tunescope/storage/job_folder.hpp"

namespace tunescope {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::IsNan;
using ::testing::Pair;
using ::testing::SizeIs;

TEST(BestRates, AreThoseWithTheHighestMeansInTheirOrder) {
  EXPECT_THAT(best_rates({0.1, 0.4, 0.2, 0.3}, 2), ElementsAre(1, 3));
}

TEST(BestRates, AreTheEarlierOfEquals) { EXPECT_THAT(best_rates({0.1, 0.3, 0.3, 0.3}, 2), ElementsAre(1, 2)); }

TEST(BestRates, AreWithoutAMeanOnlyIfNoOthersAreLeft) {
  EXPECT_THAT(best_rates({test::kNan, -0.5, test::kNan, -0.7}, 1), ElementsAre(1));
  EXPECT_THAT(best_rates({test::kNan, -0.5, test::kNan, -0.7}, 3), ElementsAre(0, 1, 3));
}

// One task, one method, three learning rates and four seeds, of which two screen.
class Screening : public ::testing::Test {
 protected:
  Screening() {
    spec_.name = "job";
    spec_.results_folder = results_.path();
    spec_.tasks = {"CoLA"};
    spec_.methods = {parse_method("layernorm")};
    spec_.peft_learning_rates = {1e-4, 1e-3, 1e-2};
    spec_.seeds = {1, 2, 3, 4};
    spec_.screening = {.seeds = 2, .keep = 1};
    JobFolder(spec_).prepare();
  }

  std::vector<PlannedTrial> grid() const {
    return list_trials(spec_, {.model = "m", .tokenizer = "t", .tasks = {{"CoLA", "c"}}});
  }
  std::vector<PlannedTrial> trials() const { return after_screening(spec_, grid()); }
  std::vector<ScreenedRate> choose(FailedTrials failed = FailedTrials::kAreTriedAgain) const {
    return choose_learning_rates(spec_, grid(), failed);
  }
  // Which seeds each learning rate is trained with.
  std::map<double, std::vector<std::uint64_t>> trained_seeds() const {
    std::map<double, std::vector<std::uint64_t>> seeds;
    for (const PlannedTrial& planned : trials()) {
      if (!planned.is_stand_in) seeds[planned.trial.learning_rate].push_back(planned.trial.seed);
    }
    return seeds;
  }
  std::string id_of(double learning_rate, std::uint64_t seed) const {
    const std::vector<PlannedTrial> all = grid();
    return std::ranges::find_if(all,
                                [&](const PlannedTrial& planned) {
                                  return planned.trial.learning_rate == learning_rate && planned.trial.seed == seed;
                                })
        ->id;
  }
  void end_trial(double learning_rate, std::uint64_t seed, double score, TrialEnd end = TrialEnd::kDone) const {
    TrialRecord record = test::sample_record(id_of(learning_rate, seed), 0);
    record.row.selection = "half-dev";
    record.row.selection_score = score;
    record.row.score = 1.0 - score;
    record.row.state = to_string(end);
    const JobFolder folder(spec_);
    write_trial(end == TrialEnd::kFailed ? folder.failed_file(record.row.id) : folder.trial_file(record.row.id),
                record);
  }
  void forget_trial(double learning_rate, std::uint64_t seed) const {
    std::filesystem::remove(JobFolder(spec_).trial_file(id_of(learning_rate, seed)));
  }
  // The best of single trials is 1e-2, the best in the mean 1e-3.
  void end_screening_trials() const {
    end_trial(1e-4, 1, 0.1);
    end_trial(1e-4, 2, 0.3);
    end_trial(1e-3, 1, 0.5);
    end_trial(1e-3, 2, 0.6);
    end_trial(1e-2, 1, 0.9);
    end_trial(1e-2, 2, 0.1);
  }
  std::filesystem::path only_choice() const {
    return std::filesystem::directory_iterator(JobFolder(spec_).screening)->path();
  }

  test::TemporaryFolder results_;
  SweepSpec spec_;
};

TEST_F(Screening, HasStandInsForWhatItWillChoose) {
  EXPECT_THAT(choose(), IsEmpty());
  EXPECT_THAT(trials(), SizeIs(3 * 2 + 2));
  EXPECT_EQ(std::ranges::count_if(trials(), &PlannedTrial::is_stand_in), 2);
  EXPECT_THAT(trained_seeds(),
              ElementsAre(Pair(1e-4, ElementsAre(1, 2)), Pair(1e-3, ElementsAre(1, 2)), Pair(1e-2, ElementsAre(1, 2))));
}

TEST_F(Screening, ChoosesTheLearningRateWithTheBestMean) {
  end_screening_trials();
  const std::vector<ScreenedRate> rates = choose();
  ASSERT_THAT(rates, SizeIs(3));
  EXPECT_DOUBLE_EQ(rates[0].mean_score, 0.2);
  EXPECT_DOUBLE_EQ(rates[1].mean_score, 0.55);
  EXPECT_DOUBLE_EQ(rates[2].mean_score, 0.5);
  EXPECT_EQ(rates[0].is_chosen + rates[2].is_chosen, 0);
  EXPECT_EQ(rates[1].is_chosen, 1);
  EXPECT_EQ(rates[1].learning_rate, 1e-3);
  EXPECT_THAT(trained_seeds(), ElementsAre(Pair(1e-4, ElementsAre(1, 2)), Pair(1e-3, ElementsAre(1, 2, 3, 4)),
                                           Pair(1e-2, ElementsAre(1, 2))));
}

TEST_F(Screening, DoesNotChooseBeforeEveryTrialHasEnded) {
  end_screening_trials();
  forget_trial(1e-4, 1);
  EXPECT_THAT(choose(FailedTrials::kRankLast), IsEmpty());
}

TEST_F(Screening, RanksALearningRateLastOfWhichATrialDiverged) {
  end_screening_trials();
  end_trial(1e-3, 2, 0.8, TrialEnd::kDiverged);
  const std::vector<ScreenedRate> rates = choose();
  EXPECT_THAT(rates[1].mean_score, IsNan());
  EXPECT_EQ(rates[2].is_chosen, 1);
}

TEST_F(Screening, RanksALearningRateLastOfWhichATrialFailedWhenItIsNotTriedAgain) {
  end_screening_trials();
  forget_trial(1e-3, 1);
  end_trial(1e-3, 1, 0.8, TrialEnd::kFailed);
  EXPECT_THAT(choose(FailedTrials::kAreTriedAgain), IsEmpty());
  EXPECT_EQ(choose(FailedTrials::kRankLast)[2].is_chosen, 1);
}

TEST_F(Screening, HasNothingToChooseByIfAllTrialsFailed) {
  for (const double rate : spec_.peft_learning_rates) {
    for (const std::uint64_t seed : {1, 2}) end_trial(rate, seed, 0.0, TrialEnd::kFailed);
  }
  EXPECT_THAT(choose(FailedTrials::kRankLast), IsEmpty());
}

TEST_F(Screening, KeepsItsChoice) {
  end_screening_trials();
  choose();
  end_trial(1e-4, 1, 0.99);
  end_trial(1e-4, 2, 0.99);
  spec_.seeds.push_back(5);
  EXPECT_THAT(choose(), IsEmpty());
  EXPECT_THAT(trained_seeds().at(1e-3), ElementsAre(1, 2, 3, 4, 5));
  EXPECT_DOUBLE_EQ(screened_rates(spec_, grid())[0].mean_score, 0.2);
}

TEST_F(Screening, KeepsThatALearningRateHadNoMean) {
  end_screening_trials();
  end_trial(1e-3, 2, 0.8, TrialEnd::kDiverged);
  choose();
  EXPECT_THAT(screened_rates(spec_, grid())[1].mean_score, IsNan());
}

TEST_F(Screening, ChoosesAgainForAJobThatKeepsMore) {
  end_screening_trials();
  choose();
  spec_.screening.keep = 2;
  EXPECT_THAT(choose(), SizeIs(3));
  EXPECT_THAT(trained_seeds().at(1e-2), ElementsAre(1, 2, 3, 4));
}

TEST_F(Screening, ChoosesAgainIfItsFileIsDamaged) {
  end_screening_trials();
  choose();
  for (const char* damage : {"", "[", "[]", "{}", "[1, 2, 3]", R"([{"task": "CoLA"}, {}, {}])"}) {
    std::ofstream(only_choice()) << damage;
    EXPECT_THAT(screened_rates(spec_, grid()), IsEmpty()) << damage;
    EXPECT_THAT(choose(), SizeIs(3)) << damage;
  }
}

TEST_F(Screening, LeavesAloneMethodsWithNoMoreLearningRatesThanItKeeps) {
  spec_.methods.push_back(parse_method("full"));
  spec_.learning_rates = {1e-5};
  EXPECT_EQ(std::ranges::count_if(trials(),
                                  [](const PlannedTrial& planned) {
                                    return planned.trial.method.text() == "full" && !planned.is_stand_in;
                                  }),
            4);
}

TEST_F(Screening, IsNotThereUnlessTheJobAsksForIt) {
  spec_.screening = {};
  EXPECT_THAT(trials(), SizeIs(3 * 4));
  EXPECT_THAT(screening_roles(spec_, grid()), Each(ScreeningRole::kTrained));
}

}  // namespace
}  // namespace tunescope
