#include "tunescope/parallel/reducer.hpp"

#include <ATen/ops/full.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "parallel/nccl_reducer.hpp"
#include "support/temporary_folder.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/device/device.hpp"

extern tunescope::RankTeam* team;

namespace tunescope {
namespace {

using test::message_of;
using ::testing::AllOf;
using ::testing::HasSubstr;

// NCCL whose sums go over MPI. A rank can be refused at the start, and in its sums.
class NcclOverMpi final : public NcclCalls {
 public:
  explicit NcclOverMpi(bool can_join = true, bool can_sum = true) : can_join_(can_join), can_sum_(can_sum) {}

  NcclAnswer make_id(NcclId& id) override { return id.fill('1'), NcclAnswer{}; }
  NcclAnswer join(const NcclPlace& place, const NcclId& id) override {
    EXPECT_EQ(id.back(), '1') << "rank 0's, on all ranks";
    EXPECT_EQ(place.rank, team->rank());
    is_waiting_ = can_join_;
    return answer(can_join_);
  }
  NcclAnswer asynchronous_state() override {  // forever in progress if another rank was refused
    return {.state = is_waiting_ && !all_can_join ? NcclAnswer::kInProgress : NcclAnswer::kDone};
  }
  NcclAnswer all_reduce_sum(const at::Tensor& values) override {
    if (!can_sum_) return answer(false);
    if (all_can_sum) make_mpi_reducer(*team)->all_reduce_sum({values});
    return {};
  }
  NcclAnswer stream_state() override { return {.state = all_can_sum ? NcclAnswer::kDone : NcclAnswer::kInProgress}; }
  NcclAnswer finalize() override { return {}; }
  NcclAnswer destroy() override { return {}; }
  NcclAnswer abort() override { return {}; }

  bool all_can_join = true;
  bool all_can_sum = true;

 private:
  static NcclAnswer answer(bool is_good) {
    return is_good ? NcclAnswer{} : NcclAnswer{.state = NcclAnswer::kFailed, .reason = "the driver is too old"};
  }

  bool can_join_;
  bool can_sum_;
  bool is_waiting_ = false;
};

bool is_last() { return team->rank() == team->size() - 1; }

// Every rank has a GPU of its own; NCCL refuses the last one.
NcclBackend backend_that_refuses_the_last() {
  return {.gpu = team->rank(), .open = [] {
            auto calls = std::make_unique<NcclOverMpi>(!is_last());
            calls->all_can_join = false;
            return calls;
          }};
}

TEST(Reducer, IsMpiOnTheCpuAndSaysNothing) {
  const ReducerChoice choice = make_reducer(ReducerKind::kAuto, *team, at::kCPU);
  EXPECT_EQ(choice.reducer->name(), "mpi");
  EXPECT_EQ(choice.note, "");
  EXPECT_THROW(make_reducer(ReducerKind::kNccl, *team, at::kCPU), DeviceError);
}

// Of one rank too: then every sum is that of the GPU itself.
TEST(Reducer, IsNcclIfEveryRankHasAGpuOfItsOwn) {
  const NcclBackend nccl{.gpu = team->rank(), .open = [] { return std::make_unique<NcclOverMpi>(); }};
  for (const ReducerKind kind : {ReducerKind::kAuto, ReducerKind::kNccl}) {
    const ReducerChoice choice = choose_reducer(kind, *team, nccl);
    EXPECT_EQ(choice.reducer->name(), "nccl");
    EXPECT_EQ(choice.note, "");
    const at::Tensor values = at::full({5}, team->rank() + 1, at::kLong);
    choice.reducer->all_reduce_sum({values});
    EXPECT_EQ(values[4].item<std::int64_t>(), team->size() * (team->size() + 1) / 2);
    choice.reducer->close();
  }
}

TEST(Reducer, IsMpiIfTwoRanksShareAGpu) {
  if (team->size() == 1) GTEST_SKIP() << "for several ranks";
  const NcclBackend nccl{.gpu = team->rank() / 2, .open = [] { return std::make_unique<NcclOverMpi>(); }};
  EXPECT_EQ(choose_reducer(ReducerKind::kAuto, *team, nccl).reducer->name(), "mpi");
  EXPECT_THAT(message_of<DeviceError>([&] { choose_reducer(ReducerKind::kNccl, *team, nccl); }),
              HasSubstr("a GPU of its own for every rank"));
}

TEST(Reducer, IsMpiWithANoteIfNcclDoesNotStartOnOneRank) {
  const ReducerChoice choice = choose_reducer(ReducerKind::kAuto, *team, backend_that_refuses_the_last());
  EXPECT_EQ(choice.reducer->name(), "mpi");
  EXPECT_THAT(choice.note, AllOf(HasSubstr("over MPI"), HasSubstr("rank " + std::to_string(team->size() - 1)),
                                 HasSubstr("the driver is too old")));
  EXPECT_TRUE(team->all_of(true));  // all ranks are together again
}

TEST(Reducer, RefusesOnEveryRankIfNcclIsAskedForAndDoesNotStart) {
  EXPECT_THAT(message_of<NcclError>([] { choose_reducer(ReducerKind::kNccl, *team, backend_that_refuses_the_last()); }),
              AllOf(HasSubstr("[run] reducer = nccl"), HasSubstr("the driver is too old"), HasSubstr("reducer = mpi")));
}

TEST(Reducer, EndsOnEveryRankWithTheErrorOfOne) {
  const NcclBackend nccl{.gpu = team->rank(), .open = [] {
                           auto calls = std::make_unique<NcclOverMpi>(true, !is_last());
                           calls->all_can_sum = false;
                           return calls;
                         }};
  const ReducerChoice choice = choose_reducer(ReducerKind::kAuto, *team, nccl);
  const std::string last = std::to_string(team->size() - 1);
  EXPECT_THAT(message_of<NcclError>([&] { choice.reducer->all_reduce_sum({at::full({5}, 1.0)}); }),
              HasSubstr("rank " + last + ": ncclAllReduce failed: the driver is too old"));
  EXPECT_TRUE(team->all_of(true));
}

TEST(RankTeam, GathersOrGivesUpAfterATime) {
  EXPECT_EQ(team->all_gather_within(std::chrono::minutes(1), 7), std::vector<std::int64_t>(team->size(), 7));
  if (team->size() == 1) return;
  RankTeam other(MPI_COMM_WORLD);
  if (!is_last()) {
    EXPECT_EQ(other.all_gather_within(std::chrono::milliseconds(50), 1), std::nullopt);
  }
  team->barrier();
  if (is_last()) other.all_gather_within(std::chrono::minutes(1), 1);  // or MPI could not end
  team->barrier();
}

}  // namespace
}  // namespace tunescope
