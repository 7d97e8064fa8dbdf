#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "support/temporary_folder.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/cli/job_file.hpp"

namespace tunescope::cli {
namespace {

using test::message_of;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string kJobOfOwnTask = "name = small\n[model]\npath = bert\n[data]\ntasks = claims RTE\n";
const std::string kTask =
    "[task claims]\ntrain = a.jsonl\ndev = b.tsv\ntest = c.tsv\nsentence1 = premise\nsentence2 = claim\nlabel = gold\n"
    "labels = yes no\n";

class OwnTask : public ::testing::Test {
 protected:
  SweepSpec read(const std::string& text, const std::vector<std::pair<std::string, std::string>>& options = {}) const {
    return read_job(folder_.write("job.cfg", text), options);
  }
  std::string refusal(const std::string& text) const {
    return message_of<ConfigError>([&] { read(text); });
  }

  test::TemporaryFolder folder_;
};

TEST_F(OwnTask, IsDefinedByASection) {
  const SweepSpec spec = read(kJobOfOwnTask + kTask + "metrics = f1 accuracy\n");
  EXPECT_THAT(spec.tasks, ElementsAre("claims", "RTE"));
  const Task& task = spec.find_task("claims");
  EXPECT_EQ(task.train_file, "a.jsonl");
  EXPECT_EQ(task.dev_file, "b.tsv");
  EXPECT_EQ(task.test_file, "c.tsv");
  EXPECT_THAT(task.text_columns, ElementsAre("premise", "claim"));
  EXPECT_EQ(task.label_column, "gold");
  EXPECT_THAT(task.labels, ElementsAre("yes", "no"));
  EXPECT_THAT(task.metrics, ElementsAre(Metric::kF1, Metric::kAccuracy));
  EXPECT_EQ(task.primary_metric, Metric::kF1);
  EXPECT_EQ(spec.find_task("RTE").name, "RTE");
}

TEST_F(OwnTask, HasMetricsByDefault) {
  EXPECT_EQ(read(kJobOfOwnTask + kTask).find_task("claims").primary_metric, Metric::kAccuracy);
  const SweepSpec spec = read(kJobOfOwnTask + kTask, {{"task.claims.labels", "regression"}});
  EXPECT_TRUE(spec.find_task("claims").is_regression());
  EXPECT_EQ(spec.find_task("claims").primary_metric, Metric::kPearson);
}

TEST_F(OwnTask, IsStoredWithTheJobItself) {
  folder_.write("tasks.cfg", kTask + "[task other]\ntrain = c.tsv\ndev = d.tsv\nsentence1 = text\nlabels = 0 1\n");
  const SweepSpec spec = read("include = tasks.cfg\n" + kJobOfOwnTask);
  EXPECT_THAT(spec.job_text, AllOf(HasSubstr("name = small\n"),
                                   HasSubstr("\n[task claims]\ntrain = a.jsonl\ndev = b.tsv\ntest = c.tsv\n"),
                                   HasSubstr("\n[task other]\ntrain = c.tsv\n")));
  const SweepSpec again = read(spec.job_text);
  ASSERT_EQ(again.own_tasks.size(), 2U);
  EXPECT_EQ(again.find_task("other").test_file, "");
  for (const Task& task : again.own_tasks) EXPECT_EQ(task.definition(), spec.find_task(task.name).definition());
}

TEST_F(OwnTask, ThatIsIncompleteNamesTheMissingKey) {
  for (const char* key : {"train = a.jsonl", "dev = b.tsv", "sentence1 = premise", "labels = yes no"}) {
    std::string text = kJobOfOwnTask + kTask;
    text.replace(text.find(key), std::string(key).size(), "");
    const std::string name(key, std::string(key).find(' '));
    EXPECT_THAT(refusal(text), AllOf(HasSubstr("job.cfg:"), HasSubstr("[task claims]: key '" + name + "' is missing")));
  }
}

TEST_F(OwnTask, HasKeysAndANameOfItsOwn) {
  EXPECT_THAT(refusal(kJobOfOwnTask + kTask + "lables = a b\n"),
              HasSubstr("job.cfg:14: unknown key 'task.claims.lables'; did you mean 'task.claims.labels'"));
  EXPECT_THAT(refusal(kJobOfOwnTask + "[task rte]\ntrain = a.tsv\n"),
              HasSubstr("another name than 'rte', which is a task or a test file of GLUE"));
  for (const char* name : {"AX", "mnli-m", "MNLI-mm"}) {
    EXPECT_THAT(refusal(kJobOfOwnTask + "[task " + name + "]\ntrain = a.tsv\n"), HasSubstr("another name than"));
  }
  EXPECT_THAT(refusal(kJobOfOwnTask + "[task a b]\ntrain = a.tsv\n"), HasSubstr("a task's name of letters, digits"));
  EXPECT_THAT(refusal(kJobOfOwnTask + "[task claim]\n"), HasSubstr("job.cfg:5: data.tasks: unknown task 'claims'"));
  EXPECT_THAT(message_of<ConfigError>([&] {
                read(kJobOfOwnTask + kTask, {{"task.claims.lables", "a b"}});
              }),
              HasSubstr("option --task.claims.lables: unknown key"));
}

TEST_F(OwnTask, NamesNothingTwice) {
  const std::string task = "[task t]\ntrain = a\ndev = b\nsentence1 = x\n";
  EXPECT_THAT(refusal(kJobOfOwnTask + task + "labels = a a b\n"), HasSubstr("'a' only once"));
  EXPECT_THAT(refusal(kJobOfOwnTask + task + "labels = a b\nmetrics = f1 f1\n"), HasSubstr("'f1' only once"));
  EXPECT_THAT(refusal(kJobOfOwnTask + kTask + task + "labels = a b\nsentence2 = x\n"),
              HasSubstr("[task t]: 'sentence1' and 'sentence2' name the same column"));
}

TEST_F(OwnTask, HasMetricsThatGoWithItsLabels) {
  EXPECT_THAT(refusal(kJobOfOwnTask + kTask + "metrics = rouge\n"),
              HasSubstr("job.cfg:14: task.claims.metrics = rouge: expected accuracy"));
  EXPECT_THAT(refusal(kJobOfOwnTask + kTask + "metrics = accuracy_mismatched\n"), HasSubstr("expected accuracy"));
  EXPECT_THAT(refusal(kJobOfOwnTask + kTask + "metrics = pearson\n"),
              HasSubstr("metric pearson does not go with its labels"));
  const std::string three = "[task t]\ntrain = a\ndev = b\nsentence1 = x\nlabels = a b c\nmetrics = f1\n";
  EXPECT_THAT(refusal(kJobOfOwnTask + kTask + three), HasSubstr("[task t]: metric f1 does not go with its labels"));
  EXPECT_THAT(refusal(kJobOfOwnTask + "[task claims]\nlabels = one\n"), HasSubstr("two labels or more, or regression"));
}

}  // namespace
}  // namespace tunescope::cli
