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
  return message_of<ConfigError>([&] { find_task(name); });
}

TEST(FindTask, DoesNotCountCaseAndHyphens) {
  for (const auto& [name, task] : {std::pair{"rte", "RTE"},
                                   {"sst2", "SST-2"},
                                   {"stsb", "STS-B"},
                                   {"sts-b", "STS-B"},
                                   {"cola", "CoLA"},
                                   {"MNLI", "MNLI"},
                                   {"qnli", "QNLI"}}) {
    EXPECT_EQ(find_task(name).name, task);
  }
}

TEST(FindTask, SaysWhyATaskOfGlueIsNotSupported) {
  EXPECT_THAT(refusal("WNLI"), AllOf(HasSubstr("WNLI is not supported"), HasSubstr("opposite label")));
  EXPECT_THAT(refusal("wnli"), HasSubstr("WNLI is not supported"));
  EXPECT_THAT(refusal("ax"), AllOf(HasSubstr("AX is not supported"), HasSubstr("without a training set")));
}

TEST(FindTask, NamesANearTaskOrAll) {
  EXPECT_THAT(refusal("MNIL"), HasSubstr("unknown task 'MNIL'; did you mean 'MNLI'?"));
  EXPECT_THAT(refusal("SQuAD"), HasSubstr("known are CoLA, SST-2, MRPC, STS-B, QQP, MNLI, QNLI, RTE"));
}

}  // namespace
}  // namespace tunescope
