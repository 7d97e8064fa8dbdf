#include "tunescope/base/nearest.hpp"

#include <gtest/gtest.h>

namespace tunescope {
namespace {

const std::vector<std::string> kTasks = {"CoLA", "SST-2", "STS-B", "RTE"};
const std::vector<std::string> kKeys = {"data.tasks", "sweep.seeds", "train.epochs", "fisher.seeds"};

TEST(Suggest, NamesWhatDiffersByASlip) {
  EXPECT_EQ(suggest("CoLe", kTasks), "; did you mean 'CoLA'?");
  EXPECT_EQ(suggest("train.epoch", kKeys), "; did you mean 'train.epochs'?");
  EXPECT_EQ(suggest("data.tskas", kKeys), "; did you mean 'data.tasks'?");
}

TEST(Suggest, TakesASwapOfNeighboursForOneSlip) { EXPECT_EQ(suggest("RET", kTasks), "; did you mean 'RTE'?"); }

TEST(Suggest, DoesNotCountCaseAndHyphens) {
  EXPECT_EQ(suggest("stsb", kTasks), "; did you mean 'STS-B'?");
  EXPECT_EQ(suggest("--Train_Epochs", kKeys), "; did you mean 'train.epochs'?");
}

TEST(Suggest, FindsAKeyWithoutItsSection) { EXPECT_EQ(suggest("epochs", kKeys), "; did you mean 'train.epochs'?"); }

TEST(Suggest, NamesAllThatAreEquallyNear) {
  EXPECT_EQ(suggest("--seed", kKeys), "; did you mean 'sweep.seeds' or 'fisher.seeds'?");
}

TEST(Suggest, ListsAllIfNoneIsNear) {
  EXPECT_EQ(suggest("lr", kTasks), "; known are CoLA, SST-2, STS-B, RTE");
  EXPECT_EQ(suggest("SQuAD", kTasks), "; known are CoLA, SST-2, STS-B, RTE");
  EXPECT_EQ(suggest("", kTasks), "; known are CoLA, SST-2, STS-B, RTE");
}

TEST(Suggest, DoesNotTakeAShortNameForAnother) { EXPECT_EQ(suggest("x", {"a", "b"}), "; known are a, b"); }

}  // namespace
}  // namespace tunescope
