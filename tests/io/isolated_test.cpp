#include "tunescope/io/isolated.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <ctime>

#include "support/temporary_folder.hpp"
#include "tunescope/base/error.hpp"

namespace tunescope {
namespace {

TEST(RunIsolated, ReturnsTextOfAnyLength) {
  EXPECT_EQ(run_isolated([] { return ""; }, 1), "");
  const std::string longer_than_a_pipe(1'000'000, 'x');
  EXPECT_EQ(run_isolated([&] { return longer_than_a_pipe; }, 1), longer_than_a_pipe);
}

TEST(RunIsolated, ThrowsTheMessageOfWhatIsThrown) {
  EXPECT_EQ(test::message_of<Error>([] { run_isolated([]() -> std::string { throw Hdf5Error("no such group"); }, 1); }),
            "no such group");
}

TEST(RunIsolated, OutlivesACrash) {
  for (const int signal : {SIGSEGV, SIGABRT, SIGKILL}) {
    EXPECT_THROW(run_isolated(
                     [&]() -> std::string {
                       std::raise(signal);
                       return "alive";
                     },
                     1),
                 Error)
        << signal;
  }
}

TEST(RunIsolated, OutlivesALoopWithoutEnd) {
  EXPECT_THROW(run_isolated(
                   []() -> std::string {
                     for (;;) static_cast<void>(std::clock());
                   },
                   1),
               Error);
}

}  // namespace
}  // namespace tunescope
