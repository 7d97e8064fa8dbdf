#include "tunescope/run/sweep_run.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/limited_allocator.hpp"
#include "support/sweep_case.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/hdf5/file.hpp"
#include "tunescope/results/trial_record.hpp"
#include "tunescope/schedule/simulation.hpp"
#include "tunescope/storage/folder_lock.hpp"
#include "tunescope/storage/progress_file.hpp"
#include "tunescope/storage/status.hpp"
#include "tunescope/storage/trial_checkpoints.hpp"

extern tunescope::RankTeam* team;

namespace tunescope {
namespace {

using test::expect_same_training;
using ::testing::Contains;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

class Sweep : public ::testing::Test {
 protected:
  // Asserts on rank 0, where results and listener are; a failure there must not leave the other ranks waiting.
  static bool is_root() { return team->is_root(); }

  TrialRecord record(const std::string& id) const { return read_trial(JobFolder(case_.spec).trial_file(id)); }
  // Identifiers of the trials and Fisher runs in the merged file.
  std::vector<std::string> merged() const {
    const hdf5::File file = hdf5::File::open(JobFolder(case_.spec).merged);
    std::vector<std::string> ids = file.open_group("trials").read_strings("id");
    if (!file.has("fisher")) return ids;
    const std::vector<std::string> runs = file.open_group("fisher").read_strings("id");
    ids.insert(ids.end(), runs.begin(), runs.end());
    return ids;
  }
  std::size_t merged_masks() const {
    return hdf5::File::open(JobFolder(case_.spec).merged).open_group("fisher_masks").members().size();
  }
  // Of all ranks.
  std::string logs() const {
    std::string text;
    for (int rank = 0; rank < team->size(); ++rank) {
      text += test::read_bytes(JobFolder(case_.spec).log / ("rank-" + std::to_string(rank) + ".log"));
    }
    return text;
  }
  // Of the only trial of the job.
  std::string only_id() const {
    for (const auto& entry : std::filesystem::directory_iterator(JobFolder(case_.spec).trials))
      return entry.path().stem();
    return "";
  }
  // CoLA, one trial of the method.
  void shrink_to(const std::string& method) {
    case_.spec.tasks = {"CoLA"};
    case_.set_methods({method});
  }

  test::SweepCase case_{*team};
  test::RecordedRun run_;
};

TEST_F(Sweep, TrainsEveryTrialOnceAndMergesThem) {
  const SweepEnd end = case_.sweep(run_);
  EXPECT_FALSE(end.is_stopped);
  EXPECT_EQ(end.trials, 8U);
  EXPECT_EQ(end.done, 8U);
  if (!is_root()) return;
  EXPECT_THAT(run_.started, SizeIs(8));
  EXPECT_THAT(run_.ends, SizeIs(8));
  EXPECT_THAT(run_.fisher_errors, SizeIs(2));
  EXPECT_THAT(run_.fisher_errors, Each(IsEmpty()));
  EXPECT_EQ(merged().size(), 8U + 2U);
  EXPECT_EQ(merged_masks(), 2U);
  EXPECT_TRUE(std::filesystem::is_empty(JobFolder(case_.spec).weights)) << "weights go once they are measured";
}

TEST_F(Sweep, TakesTheResultsOfAnEarlierBuildAsDone) {
  case_.copy_earlier_results();
  const SweepEnd end = case_.sweep(run_);
  EXPECT_EQ(end.done, 8U);
  if (!is_root()) return;
  EXPECT_THAT(run_.started, IsEmpty());
  EXPECT_THAT(run_.fisher_errors, IsEmpty());
  EXPECT_EQ(merged().size(), 8U + 2U);
  EXPECT_EQ(merged_masks(), 2U) << "their trials' files do not have them: they are chosen once more";
}

// What came before the checkpoint is taken from it as it is; what comes after is what a run without a stop gives, to
// the rounding by which machines differ.
TEST_F(Sweep, ResumesACheckpointOfAnEarlierBuild) {
  constexpr const char* kStopped = "416da0d81d31525f";
  case_.copy_earlier_results();
  shrink_to("layernorm");
  case_.spec.seeds = {2};
  const std::int64_t saved_steps =
      team->on_root([&] { return TrialCheckpoints(JobFolder(case_.spec), kStopped).load().value().result.steps; });
  EXPECT_GT(saved_steps, 0);
  EXPECT_EQ(case_.sweep(run_).done, 1U);
  if (!is_root()) return;
  EXPECT_THAT(logs(),
              HasSubstr("trial " + std::string(kStopped) + " resumes after step " + std::to_string(saved_steps)));
  const TrialRecord resumed = record(kStopped);
  const TrialRecord undisturbed = read_trial(test::golden("earlier_build/expected") / (std::string(kStopped) + ".h5"));
  ASSERT_EQ(resumed.history.size(), undisturbed.history.size());
  for (std::size_t i = 0; i < resumed.history.size(); ++i) {
    const bool is_saved = static_cast<std::int64_t>(i) < saved_steps;
    EXPECT_NEAR(resumed.history[i].loss, undisturbed.history[i].loss, is_saved ? 0.0 : 1e-3) << i;
  }
  EXPECT_FALSE(std::filesystem::exists(JobFolder(case_.spec).checkpoint_folder(kStopped)));
}

TEST_F(Sweep, MergesResultsOfAnEarlierBuildWithItsOwn) {
  case_.copy_earlier_results();
  case_.set_methods({"full", "layernorm"});
  case_.spec.seeds = {1, 3};
  EXPECT_EQ(case_.sweep(run_).done, 8U);
  if (!is_root()) return;
  EXPECT_THAT(run_.started, SizeIs(4));
  EXPECT_EQ(merged().size(), 8U + 2U);
}

TEST_F(Sweep, StartsTrialsInTheOrderOfItsSimulation) {
  if (team->size() > 1) GTEST_SKIP() << "several ranks start trials as they finish others";
  TrialIndices expected;
  {
    const auto job = open_job(
        *team, [&] { return case_.spec; }, needed_fisher_runs, run_);
    const auto trials = plan_trials(job->spec, job->hashes, job->inputs);
    const SweepPlan plan = plan_sweep(trials, job->fisher, job->inputs);
    EXPECT_EQ(plan.dependent.size(), 2U);
    const PlanTimes times = expected_times(job->spec, plan, trials, job->inputs, CostModel());
    expected = simulate_sweep({.plan = plan, .trials = trials, .times = times}, 1, 1).starts;
  }
  case_.sweep(run_);
  EXPECT_EQ(run_.started, expected);
}

TEST_F(Sweep, StopsOnAllRanksAndResumesToTheSameNumbers) {
  shrink_to("full");
  case_.spec.train.epochs = 100;
  const std::string name = case_.spec.name;
  case_.spec.name = "undisturbed";
  EXPECT_EQ(case_.sweep(run_).done, 1U);
  const std::string id = team->on_root([&] { return only_id(); });
  const TrialRecord undisturbed = record(id);

  case_.spec.results_folder = case_.root() / "other";  // else it would be linked
  case_.spec.name = name;
  StopRequest stop;
  test::RecordedRun stopped;
  stopped.on_start = [&] { stop.request_stop(); };
  const SweepEnd end = case_.sweep(stopped, stop);
  EXPECT_TRUE(end.is_stopped);
  EXPECT_TRUE(stop.is_set());
  EXPECT_TRUE(!is_root() || stopped.ends[id] == TrialEnd::kStopped);
  EXPECT_TRUE(TrialCheckpoints(JobFolder(case_.spec), id).exist());

  test::RecordedRun resumed;
  EXPECT_EQ(case_.sweep(resumed).done, 1U);
  EXPECT_THAT(logs(), HasSubstr("trial " + id + " resumes after step "));
  expect_same_training(record(id), undisturbed);
}

TEST_F(Sweep, TriesATrialAgainAsOftenAsTheJobSaysAndThenInTheNextSweep) {
  shrink_to("full");
  case_.spec.retries = 2;
  {
    StopRequest stop;
    const auto job = open_job(
        *team, [&] { return case_.spec; }, needed_fisher_runs, run_);
    const RankContext rank = set_up_rank(*team, *job, stop, run_);
    const test::LimitedAllocator full_device(test::is_of_activations);
    EXPECT_EQ(run_sweep(*team, rank, run_).done, 0U);
  }
  const std::string id = team->on_root([&] { return run_.ends.empty() ? "" : run_.ends.begin()->first; });
  EXPECT_THAT(logs(), HasSubstr("trial " + id + ", attempt 3: no block of "));
  EXPECT_THAT(logs(), Not(HasSubstr("attempt 4")));
  StoredTrial stored = load_status(JobFolder(case_.spec), id);
  EXPECT_EQ(stored.end, TrialEnd::kFailed);
  EXPECT_THAT(stored.error, HasSubstr("no block of "));
  team->barrier();
  EXPECT_EQ(case_.sweep(run_).done, 1U);
  stored = load_status(JobFolder(case_.spec), id);
  EXPECT_EQ(stored.end, TrialEnd::kDone);
  EXPECT_FALSE(std::filesystem::exists(JobFolder(case_.spec).failed_file(id)));
}

TEST_F(Sweep, CountsADivergedTrialAsFinished) {
  shrink_to("full");
  case_.spec.learning_rates = {1e30};
  const SweepEnd end = case_.sweep(run_);
  EXPECT_EQ(end.done, 0U);
  EXPECT_EQ(end.trials, 1U);
  test::RecordedRun again;
  case_.sweep(again);
  if (!is_root()) return;
  EXPECT_THAT(run_.ends, Contains(Pair(only_id(), TrialEnd::kDiverged)));
  EXPECT_THAT(again.started, IsEmpty());
}

TEST_F(Sweep, FailsTrialsThatChooseByFisherInformationWhichCannotBeMeasured) {
  shrink_to("fisher:pool=layernorm,fraction=0.5,scope=task");
  case_.spec.learning_rates = {1e30};  // of the measured training
  const SweepEnd end = case_.sweep(run_);
  EXPECT_EQ(end.done, 0U);
  if (!is_root()) return;
  ASSERT_THAT(run_.fisher_errors, SizeIs(1));
  EXPECT_THAT(run_.fisher_errors.front(), HasSubstr("it diverged at step"));
  EXPECT_THAT(run_.ends, Contains(Pair(::testing::_, TrialEnd::kFailed)));
}

TEST_F(Sweep, LinksFinishedTrialsOfOtherJobsInTheSameFolder) {
  case_.sweep(run_);
  case_.spec.name = "other";
  test::RecordedRun other;
  EXPECT_EQ(case_.sweep(other).done, 8U);
  if (!is_root()) return;
  EXPECT_THAT(other.started, IsEmpty());
  EXPECT_THAT(other.fisher_errors, IsEmpty());
  EXPECT_EQ(merged().size(), 8U + 2U);
}

TEST_F(Sweep, WaitsForTrialsOfOtherSweepsAndTrainsThoseThatTheyLeave) {
  shrink_to("layernorm");
  case_.spec.folder_use = FolderUse::kShared;
  const JobFolder folder(case_.spec);
  std::optional<Claim> of_other_sweep;
  {
    const auto job = open_job(
        *team, [&] { return case_.spec; }, needed_fisher_runs, run_);
    const std::string id = list_trials(job->spec, job->hashes).front().id;
    if (is_root()) of_other_sweep.emplace(Claim::try_trial(folder.lock, id).value());
    team->barrier();
  }
  bool has_waited = false;
  run_.on_wait = [&] {
    has_waited = true;
    of_other_sweep.reset();
  };
  EXPECT_EQ(case_.sweep(run_).done, 1U);
  EXPECT_EQ(has_waited, is_root());
}

TEST_F(Sweep, KeepsAFileOfWhatItIsAtWorkOn) {
  shrink_to("full");
  case_.spec.train.epochs = 400;
  std::vector<TrialProgress> seen;
  run_.on_progress = [&] {
    if (seen.empty()) seen = read_progress(JobFolder(case_.spec).progress);
  };
  case_.sweep(run_);
  if (is_root()) {
    ASSERT_THAT(seen, SizeIs(1));
    EXPECT_EQ(seen.front().id, only_id());
  }
  EXPECT_FALSE(std::filesystem::exists(JobFolder(case_.spec).progress));
}

TEST_F(Sweep, ThatIsWrongIsRefusedOnEveryRank) {
  case_.spec.max_length = 4096;
  const auto open = [&] { case_.sweep(run_); };
  if (is_root()) {
    EXPECT_THAT(test::message_of<ConfigError>(open), HasSubstr("max_length = 4096"));
  } else {
    EXPECT_THAT(test::message_of<PeerError>(open), HasSubstr("max_length = 4096"));
  }
}

TEST_F(Sweep, TrainsTogetherWhatMayBeTrainedTogetherToTheSameNumbersWithinRounding) {
  case_.spec.tasks = {"CoLA"};
  case_.set_methods({"layernorm", "bitfit"});
  case_.spec.seeds = {1, 2, 3};
  case_.spec.name = "alone";
  EXPECT_EQ(case_.sweep(run_).done, 6U);
  const JobFolder alone(case_.spec);
  case_.spec.results_folder = case_.root() / "together";
  case_.spec.lanes = 4;
  test::RecordedRun together;
  EXPECT_EQ(case_.sweep(together).done, 6U);
  EXPECT_TRUE(team->size() > 1 || together.most_in_training > 1);
  for (const auto& entry : std::filesystem::directory_iterator(alone.trials)) {
    const TrialRecord one = read_trial(entry.path());
    const TrialRecord other = record(entry.path().stem());
    ASSERT_EQ(one.history.size(), other.history.size());
    EXPECT_NEAR(one.history.back().loss, other.history.back().loss, 1e-3);
  }
}

}  // namespace
}  // namespace tunescope
