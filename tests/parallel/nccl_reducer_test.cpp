#include "parallel/nccl_reducer.hpp"

#include <ATen/ops/arange.h>
#include <ATen/ops/ones.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <thread>

#include "support/fake_nccl.hpp"
#include "support/temporary_folder.hpp"
#include "tunescope/base/error.hpp"

namespace tunescope {
namespace {

using test::message_of;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int kRanks = 3;
constexpr std::int64_t kPieceElements = 100;
constexpr std::chrono::milliseconds kPatience{10'000};   // of ranks that will hear from each other
constexpr std::chrono::milliseconds kShortPatience{50};  // of ranks that will not
const std::vector<std::string> kUndisturbed = {"join", "all_reduce_sum", "finalize", "destroy"};

// Ranks as threads, each with a reducer.
class NcclRanks : public ::testing::Test {
 protected:
  ~NcclRanks() override { EXPECT_THAT(network_.violations(), IsEmpty()); }

  std::unique_ptr<NcclReducer> reducer_of(int rank, std::chrono::milliseconds timeout = kPatience) {
    return std::make_unique<NcclReducer>(network_.calls_of(rank, faults_[rank]), network_.agreement_of(rank),
                                         NcclLimits{.timeout = timeout, .piece_elements = kPieceElements});
  }
  static std::string join(NcclReducer& reducer, int rank) {
    return reducer.join({.rank = rank, .ranks = kRanks}, NcclId{});
  }
  static void on_ranks(int count, const std::function<void(int)>& work) {
    std::vector<std::thread> threads;
    for (int rank = 0; rank < count; ++rank) {
      threads.emplace_back([&work, rank] {
        try {
          work(rank);
        } catch (const std::exception& error) {
          ADD_FAILURE() << "rank " << rank << ": " << error.what();
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  // What every rank of a job does.
  void join_sum_and_close(int rank, const std::vector<at::Tensor>& tensors) {
    const auto reducer = reducer_of(rank);
    EXPECT_EQ(join(*reducer, rank), "");
    reducer->all_reduce_sum(tensors);
    reducer->close();
  }

  test::FakeNetwork network_{kRanks};
  std::map<int, test::FakeFaults> faults_ = {{0, {}}, {1, {}}, {2, {}}};
};

// The same numbers as in the test of sums over MPI.
TEST_F(NcclRanks, SumEveryTypeExactlyAcrossTheBordersOfPieces) {
  faults_[1].polls_in_progress = 3;
  constexpr std::int64_t kSize = 2 * kPieceElements + 5;
  const auto numbers = [](std::int64_t factor, at::ScalarType type) {
    return at::arange(kSize).remainder_(1000).mul_(factor).to(type);
  };
  on_ranks(kRanks, [&](int rank) {
    std::vector<at::Tensor> tensors;
    for (const at::ScalarType type : {at::kFloat, at::kDouble, at::kLong}) tensors.push_back(numbers(rank + 1, type));
    tensors.push_back(tensors.front().narrow(0, 0, 0));  // nothing to sum
    join_sum_and_close(rank, tensors);
    for (std::size_t i = 0; i + 1 < tensors.size(); ++i) {
      EXPECT_TRUE(tensors[i].equal(numbers(1 + 2 + 3, tensors[i].scalar_type()))) << tensors[i].scalar_type();
    }
  });
  EXPECT_EQ(std::ranges::count(network_.calls(0), "all_reduce_sum"), 3 * 3) << "three pieces of three types";
}

TEST_F(NcclRanks, MakeTheSameCallsAndNoneWhileOneIsInProgress) {
  for (int rank = 0; rank < kRanks; ++rank) faults_[rank].polls_in_progress = 5 * rank;
  on_ranks(kRanks, [&](int rank) { join_sum_and_close(rank, {at::ones({3})}); });
  for (int rank = 0; rank < kRanks; ++rank) EXPECT_EQ(network_.calls(rank), kUndisturbed) << rank;
}

TEST_F(NcclRanks, SumAgainAndAgain) {
  on_ranks(kRanks, [&](int rank) {
    const auto reducer = reducer_of(rank);
    EXPECT_EQ(join(*reducer, rank), "");
    const at::Tensor values = at::ones({3});
    for (int i = 0; i < 4; ++i) reducer->all_reduce_sum({values});
    EXPECT_EQ(values[0].item<float>(), 81);
    reducer->close();
  });
}

class NcclStartFails : public NcclRanks {
 protected:
  // All ranks learn the error of the last one, and nothing is left of the communicator.
  void expect_start_that_fails(const std::string& reason) {
    on_ranks(kRanks, [&](int rank) {
      const auto reducer = reducer_of(rank);
      EXPECT_THAT(join(*reducer, rank), AllOf(HasSubstr("rank 2: ncclCommInitRankConfig"), HasSubstr(reason)));
      EXPECT_THROW(reducer->all_reduce_sum({at::ones({3})}), NcclError);
      reducer->close();
    });
    for (int rank = 0; rank < kRanks; ++rank) EXPECT_THAT(network_.calls(rank), ElementsAre("join", "abort"));
  }
};

TEST_F(NcclStartFails, OnAllRanksIfOneIsRefusedWhileTheOthersWaitForIt) {
  faults_[2].refuses = "join";
  expect_start_that_fails("a bad argument");
}

TEST_F(NcclStartFails, OnAllRanksIfOneFindsAnErrorLater) {
  faults_[2] = {.polls_in_progress = 9, .errs = "join", .error_at_poll = 4};
  expect_start_that_fails("a broken link");
}

class NcclSumFails : public NcclRanks {
 protected:
  void expect_sum_that_fails(const std::string& reason) {
    on_ranks(kRanks, [&](int rank) {
      const auto reducer = reducer_of(rank);
      EXPECT_EQ(join(*reducer, rank), "");
      const auto sum = [&] { reducer->all_reduce_sum({at::ones({3}), at::ones({3})}); };
      EXPECT_THAT(message_of<NcclError>(sum), AllOf(HasSubstr("rank 1: ncclAllReduce"), HasSubstr(reason)));
      EXPECT_THAT(message_of<NcclError>(sum), HasSubstr("given up after an earlier error"));
      reducer->close();
    });
    for (int rank = 0; rank < kRanks; ++rank) {
      const std::vector<std::string> calls = network_.calls(rank);
      EXPECT_EQ(std::ranges::count(calls, "abort"), 1) << rank;
      EXPECT_EQ(calls.back(), "abort") << rank;
    }
  }
};

TEST_F(NcclSumFails, OnAllRanksIfOneIsRefused) {
  faults_[1].refuses = "all_reduce_sum";
  expect_sum_that_fails("a bad argument");
}

TEST_F(NcclSumFails, OnAllRanksIfOneFindsAnErrorWhileItPolls) {
  faults_[1] = {.polls_in_progress = 9, .errs = "all_reduce_sum", .error_at_poll = 4};
  expect_sum_that_fails("a broken link");
}

TEST_F(NcclRanks, AbortTogetherIfTheCommunicatorCannotBeFinalized) {
  faults_[0].refuses = "finalize";
  on_ranks(kRanks, [&](int rank) { join_sum_and_close(rank, {at::ones({3})}); });
  for (int rank = 0; rank < kRanks; ++rank) {
    EXPECT_THAT(network_.calls(rank), ElementsAre("join", "all_reduce_sum", "finalize", "abort")) << rank;
  }
}

// A rank that never comes. The others must not abort either: that would wait for it.
TEST_F(NcclRanks, EndInAnErrorInTimeIfOneIsLostAtTheStart) {
  on_ranks(kRanks - 1, [&](int rank) {
    const auto reducer = reducer_of(rank, kShortPatience);
    EXPECT_THAT(message_of<NcclError>([&] { join(*reducer, rank); }),
                AllOf(HasSubstr("within 0.05 s"), HasSubstr("one of them has ended or hangs")));
  });
  EXPECT_THAT(network_.calls(0), ElementsAre("join"));
}

TEST_F(NcclRanks, EndInAnErrorInTimeIfOneIsLostBeforeASum) {
  on_ranks(kRanks, [&](int rank) {
    const auto reducer = reducer_of(rank, rank == 2 ? kPatience : 20 * kShortPatience);
    EXPECT_EQ(join(*reducer, rank), "");
    if (rank == 2) return;
    const auto sum = [&] { reducer->all_reduce_sum({at::ones({3})}); };
    EXPECT_THAT(message_of<NcclError>(sum), HasSubstr("not all ranks"));
    EXPECT_THAT(message_of<NcclError>(sum), HasSubstr("given up"));
    reducer->close();
  });
  EXPECT_THAT(network_.calls(0), ElementsAre("join", "all_reduce_sum"));
}

TEST_F(NcclRanks, EndInAnErrorInTimeIfOneIsLostBeforeTheEnd) {
  on_ranks(kRanks, [&](int rank) {
    const auto reducer = reducer_of(rank, rank == 2 ? kPatience : 20 * kShortPatience);
    EXPECT_EQ(join(*reducer, rank), "");
    if (rank == 2) return;
    EXPECT_THROW(reducer->close(), NcclError);
  });
  EXPECT_THAT(network_.calls(0), ElementsAre("join", "finalize"));
}

// `std::bad_alloc` in the place of any error that one rank alone has outside the sums.
TEST_F(NcclRanks, LeaveTheCommunicatorAloneWhenAnExceptionUnwinds) {
  on_ranks(kRanks, [&](int rank) {
    const auto fail = [&] {
      const auto reducer = reducer_of(rank);
      EXPECT_EQ(join(*reducer, rank), "");
      throw std::bad_alloc();
    };
    if (rank == 0) {
      EXPECT_THROW(fail(), std::bad_alloc);
    } else {
      EXPECT_EQ(join(*reducer_of(rank), rank), "");
    }
  });
  for (int rank = 0; rank < kRanks; ++rank) EXPECT_THAT(network_.calls(rank), ElementsAre("join")) << rank;
}

}  // namespace
}  // namespace tunescope
