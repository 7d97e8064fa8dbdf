#include "tunescope/data/task.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/temporary_folder.hpp"
#include "tunescope/base/error.hpp"

namespace tunescope {
namespace {

using test::message_of;
using ::testing::AllOf;
using ::testing::HasSubstr;

std::string refusal(std::string_view name) {
  return message_of<ConfigError>([&] { glue_task(name); });
}

TEST(FindTask, DoesNotCountCaseAndHyphens) {
  for (const auto& [name, task] : {std::pair{"rte", "RTE"},
                                   {"sst2", "SST-2"},
                                   {"stsb", "STS-B"},
                                   {"sts-b", "STS-B"},
                                   {"cola", "CoLA"},
                                   {"MNLI", "MNLI"},
                                   {"qnli", "QNLI"}}) {
    EXPECT_EQ(glue_task(name).name, task);
  }
}

TEST(FindTask, SaysWhyATaskOfGlueIsNotSupported) {
  EXPECT_THAT(refusal("ax"), AllOf(HasSubstr("AX is not supported"), HasSubstr("without a training set")));
}

TEST(FindTask, KnowsWnliWhichNoStudyHasUnlessItIsNamed) {
  EXPECT_THAT(glue_task("wnli").caution, HasSubstr("opposite label"));
  EXPECT_EQ(glue_tasks().size(), 8U);
  for (const Task& task : glue_tasks()) EXPECT_EQ(task.caution, "") << task.name;
}

Task own_task(const std::string& name) {
  Task task;
  task.name = name;
  task.text_columns = {"premise", "claim"};
  task.label_column = "gold";
  task.labels = {"yes", "no"};
  task.metrics = {Metric::kF1, Metric::kAccuracy};
  task.is_own = true;
  return task;
}

TEST(FindTask, TakesOwnTasksToTheLetter) {
  const std::vector<Task> own = {own_task("claims"), own_task("reviews")};
  EXPECT_EQ(&find_task("reviews", own), &own[1]);
  EXPECT_EQ(find_task("rte", own).name, "RTE");
  EXPECT_THAT(message_of<ConfigError>([&] { find_task("review", own); }), HasSubstr("did you mean 'reviews'?"));
}

TEST(Task, IsDefinedByWhatItsFilesMean) {
  EXPECT_EQ(own_task("claims").definition(),
            "task.sentence1 = premise\ntask.sentence2 = claim\ntask.label = gold\ntask.labels = yes no\n"
            "task.metrics = f1 accuracy\n");
  EXPECT_EQ(glue_task("RTE").definition(), "");
}

TEST(FindTask, NamesANearTaskOrAll) {
  EXPECT_THAT(refusal("MNIL"), HasSubstr("unknown task 'MNIL'; did you mean 'MNLI'?"));
  EXPECT_THAT(refusal("SQuAD"), HasSubstr("known are CoLA, SST-2, MRPC, STS-B, QQP, MNLI, QNLI, RTE, WNLI"));
}

}  // namespace
}  // namespace tunescope
