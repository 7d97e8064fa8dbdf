#include "tunescope/train/schedule.hpp"

#include <gtest/gtest.h>

namespace tunescope {
namespace {

TEST(Schedule, RisesLinearlyFromZeroDuringWarmup) {
  const Schedule schedule{.shape = ScheduleShape::kLinear, .warmup_steps = 4, .total_steps = 20};
  EXPECT_EQ(schedule.factor(0), 0.0);
  EXPECT_EQ(schedule.factor(1), 0.25);
  EXPECT_EQ(schedule.factor(3), 0.75);
  EXPECT_EQ(schedule.factor(4), 1.0);
}

TEST(Schedule, FallsLinearlyToZeroAtTheLastStep) {
  const Schedule schedule{.shape = ScheduleShape::kLinear, .warmup_steps = 4, .total_steps = 20};
  EXPECT_EQ(schedule.factor(8), 0.75);
  EXPECT_EQ(schedule.factor(12), 0.5);
  EXPECT_EQ(schedule.factor(19), 0.0625);
  EXPECT_EQ(schedule.factor(20), 0.0);
}

TEST(Schedule, StaysAtZeroBehindTheLastStep) {
  const Schedule schedule{.shape = ScheduleShape::kLinear, .warmup_steps = 4, .total_steps = 20};
  EXPECT_EQ(schedule.factor(25), 0.0);
}

TEST(Schedule, BeginsAtOneWithoutWarmup) {
  const Schedule schedule{.shape = ScheduleShape::kLinear, .warmup_steps = 0, .total_steps = 8};
  EXPECT_EQ(schedule.factor(0), 1.0);
  EXPECT_EQ(schedule.factor(1), 0.875);
}

TEST(Schedule, IsConstantAfterWarmupIfAsked) {
  const Schedule schedule{.shape = ScheduleShape::kConstant, .warmup_steps = 2, .total_steps = 8};
  EXPECT_EQ(schedule.factor(0), 0.0);
  EXPECT_EQ(schedule.factor(1), 0.5);
  for (const std::int64_t step : {2, 5, 8, 100}) EXPECT_EQ(schedule.factor(step), 1.0) << "step " << step;
}

TEST(Schedule, OnlyRisesIfWarmupTakesEveryStep) {
  const Schedule schedule{.shape = ScheduleShape::kLinear, .warmup_steps = 4, .total_steps = 4};
  EXPECT_EQ(schedule.factor(2), 0.5);
  EXPECT_EQ(schedule.factor(4), 0.0);
}

}  // namespace
}  // namespace tunescope
