#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <tuple>

#include "support/limited_allocator.hpp"
#include "support/sweep_case.hpp"
#include "tunescope/hdf5/file.hpp"
#include "tunescope/plan/trial.hpp"
#include "tunescope/results/trial_record.hpp"

extern tunescope::RankTeam* team;

namespace tunescope {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

// Two tasks, a method that needs no Fisher information and one that does, three learning rates and three seeds.
class ScreenedSweep : public ::testing::Test {
 protected:
  using Cell = std::pair<std::string, std::string>;  // task and method

  ScreenedSweep() {
    case_.set_methods({"layernorm", "fisher:pool=layernorm,fraction=0.5,scope=task"});
    case_.spec.peft_learning_rates = {1e-4, 1e-2, 1e-3};
    case_.spec.seeds = {1, 2, 3};
    case_.spec.screening = {.seeds = 1, .keep = 1};
  }

  // The rows of the trials that are stored.
  std::vector<TrialRow> stored() const {
    std::vector<TrialRow> rows;
    for (const auto& entry : std::filesystem::directory_iterator(JobFolder(case_.spec).trials)) {
      if (entry.path().extension() == ".h5") rows.push_back(read_trial_row(entry.path()));
    }
    return rows;
  }
  // Of the trials with the first seed, the learning rate with the best score; the scores of this case differ.
  std::map<Cell, double> best_of_first_seed() const {
    std::map<Cell, std::pair<double, double>> best;
    for (const TrialRow& row : stored()) {
      if (row.seed != 1 || row.method == "full") continue;
      const auto [known, is_new] = best.try_emplace({row.task, row.method}, row.score, row.learning_rate);
      if (!is_new && row.score > known->second.first) known->second = {row.score, row.learning_rate};
    }
    std::map<Cell, double> rates;
    for (const auto& [cell, own] : best) rates[cell] = own.second;
    return rates;
  }
  std::set<std::string> stored_ids() const {
    std::set<std::string> ids;
    for (const TrialRow& row : stored()) ids.insert(row.id);
    return ids;
  }

  test::SweepCase case_{*team};
  test::RecordedRun run_;
};

TEST_F(ScreenedSweep, TrainsTheOtherSeedsWithTheBestLearningRateAlone) {
  const SweepEnd end = case_.sweep(run_);
  EXPECT_EQ(end.trials, 4U * (3U + 2U));
  EXPECT_EQ(end.done, 4U * (3U + 2U));
  if (!team->is_root()) return;
  std::map<Cell, std::set<double>> repeated;
  for (const TrialRow& row : stored()) {
    if (row.seed != 1) repeated[{row.task, row.method}].insert(row.learning_rate);
  }
  EXPECT_THAT(repeated, SizeIs(4));
  const std::map<Cell, double> best = best_of_first_seed();
  for (const auto& [cell, rates] : repeated) EXPECT_EQ(rates, std::set<double>{best.at(cell)}) << cell.first;

  const hdf5::File file = hdf5::File::open(JobFolder(case_.spec).merged);
  EXPECT_EQ(file.read_integer_attribute("complete"), 1);
  const hdf5::Group screening = file.open_group("screening");
  const std::vector<std::string> tasks = screening.read_strings("task");
  const std::vector<std::string> methods = screening.read_strings("method");
  const std::vector<double> rates = screening.read_doubles("learning_rate");
  const std::vector<std::int64_t> chosen = screening.read_integers("chosen");
  ASSERT_EQ(rates.size(), 4U * 3U);
  for (std::size_t i = 0; i < rates.size(); ++i) {
    EXPECT_EQ(chosen[i] == 1, best.at({tasks[i], methods[i]}) == rates[i]) << i;
  }
}

TEST_F(ScreenedSweep, RepeatsNothingWhenItIsStartedAgain) {
  case_.sweep(run_);
  test::RecordedRun again;
  EXPECT_EQ(case_.sweep(again).done, 20U);
  EXPECT_THAT(again.started, IsEmpty());
}

TEST_F(ScreenedSweep, ChoosesTheSameAfterStops) {
  case_.spec.name = "undisturbed";
  case_.sweep(run_);
  const std::set<std::string> undisturbed = stored_ids();
  team->barrier();
  case_.spec.results_folder = case_.root() / "other";  // else they would be linked
  SweepEnd end{.is_stopped = true};
  for (int stops = 0; end.is_stopped; ++stops) {
    ASSERT_LT(stops, 30);
    StopRequest stop;
    test::RecordedRun stopped;
    int starts = 0;
    stopped.on_start = [&] {
      if (++starts == 3 + team->size()) stop.request_stop();
    };
    end = case_.sweep(stopped, stop);
    team->barrier();
  }
  EXPECT_EQ(end.done, 20U);
  EXPECT_EQ(stored_ids(), undisturbed);
}

TEST_F(ScreenedSweep, WhereAllTrialsFailChoosesInTheNextSweep) {
  case_.spec.stop_after_failures = 0;
  case_.spec.retries = 0;
  {
    StopRequest stop;
    const auto job = open_job(
        *team, [&] { return case_.spec; }, needed_fisher_runs, run_);
    const RankContext rank = set_up_rank(*team, *job, stop, run_);
    const test::LimitedAllocator full_device(test::is_of_activations);
    const SweepEnd end = run_sweep(*team, rank, run_);
    EXPECT_EQ(end.done, 0U);
    EXPECT_EQ(end.trials, 20U);
  }
  test::RecordedRun again;
  EXPECT_EQ(case_.sweep(again).done, 20U);
}

}  // namespace
}  // namespace tunescope
