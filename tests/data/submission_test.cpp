#include "tunescope/data/submission.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "support/temporary_folder.hpp"

namespace tunescope {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;

std::vector<std::string> submissions_of(const char* task, const std::filesystem::path& glue_folder) {
  std::vector<std::string> names;
  for (const TestFile& file : test_files(glue_task(task), glue_folder)) names.push_back(file.submission);
  return names;
}

TEST(Submission, WritesClassesAsTheirWords) {
  EXPECT_EQ(submission_text(glue_task("RTE"), std::vector<double>{1, 0}),
            "index\tprediction\n0\tnot_entailment\n1\tentailment\n");
  EXPECT_EQ(submission_text(glue_task("MNLI"), std::vector<double>{2, 1}),
            "index\tprediction\n0\tcontradiction\n1\tneutral\n");
}

TEST(Submission, KeepsScoresInTheirRange) {
  EXPECT_EQ(submission_text(glue_task("STS-B"), std::vector<double>{-0.25, 2.34567, 5.5}),
            "index\tprediction\n0\t0.000\n1\t2.346\n2\t5.000\n");
}

TEST(Submission, IsNamedAsTheServerNamesIt) {
  const test::TemporaryFolder glue;
  for (const Task& task : glue_tasks()) {
    for (const TestFile& file : test_files(task, glue.path())) {
      EXPECT_THAT(submission_files(), Contains(file.submission));
      EXPECT_EQ(file.path.parent_path(), glue.path() / task.name);
    }
  }
  EXPECT_THAT(submissions_of("STS-B", glue.path()), ElementsAre("STS-B.tsv"));
  EXPECT_THAT(submissions_of("MNLI", glue.path()), ElementsAre("MNLI-m.tsv", "MNLI-mm.tsv"));
}

TEST(Submission, IsTheTestFileThatAnOwnTaskNames) {
  Task task;
  task.name = "claims";
  task.is_own = true;
  task.test_file.clear();
  EXPECT_TRUE(test_files(task, "glue").empty());
  task.test_file = "data/claims.jsonl";
  ASSERT_EQ(test_files(task, "glue").size(), 1U);
  EXPECT_EQ(test_files(task, "glue").front().path, "data/claims.jsonl");
  EXPECT_EQ(test_files(task, "glue").front().submission, "claims.tsv");
}

TEST(Submission, HasTheDiagnosticSetWhereItIs) {
  for (const char* place : {"AX.tsv", "AX/AX.tsv", "diagnostic/diagnostic.tsv"}) {
    const test::TemporaryFolder glue;
    const std::filesystem::path file = glue.write(place, "index\tsentence1\tsentence2\n");
    const std::vector<TestFile> files = test_files(glue_task("MNLI"), glue.path());
    ASSERT_EQ(files.size(), 3) << place;
    EXPECT_EQ(files.back().path, file);
    EXPECT_EQ(files.back().submission, "AX.tsv");
    EXPECT_THAT(submissions_of("RTE", glue.path()), ElementsAre("RTE.tsv"));
  }
}

}  // namespace
}  // namespace tunescope
