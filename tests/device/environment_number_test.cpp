#include "tunescope/base/environment_number.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

namespace tunescope {
namespace {

std::optional<std::int64_t> number_in(const char* text) {
  ::setenv("TUNESCOPE_TEST_NUMBER", text, 1);
  const std::optional<std::int64_t> number = positive_number_of("TUNESCOPE_TEST_NUMBER");
  ::unsetenv("TUNESCOPE_TEST_NUMBER");
  return number;
}

TEST(EnvironmentNumber, IsWhatTheVariableBeginsWith) {
  EXPECT_EQ(number_in("12"), 12);
  EXPECT_EQ(number_in("4,2"), 4);
  EXPECT_EQ(number_in("4(x2)"), 4);
  EXPECT_EQ(number_in("3000000000"), 3'000'000'000);
}

TEST(EnvironmentNumber, IsNothingIfThereIsNoneAboveZero) {
  EXPECT_EQ(positive_number_of("TUNESCOPE_TEST_NUMBER"), std::nullopt);
  for (const char* text : {"", "many", "0", "-2", "99999999999999999999"}) EXPECT_EQ(number_in(text), std::nullopt);
}

}  // namespace
}  // namespace tunescope
