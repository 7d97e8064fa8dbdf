#include <ATen/ops/arange.h>
#include <ATen/ops/full_like.h>
#include <gtest/gtest.h>

#include "support/fisher_case.hpp"
#include "tunescope/comm/reducer.hpp"
#include "tunescope/error.hpp"
#include "tunescope/mpi/communicator.hpp"

namespace tunescope {
namespace {

TEST(MpiReducer, SumsOverRanksInPieces) {
  const Communicator world(MPI_COMM_WORLD);
  const auto reducer = make_reducer(ReducerKind::kAuto, world, at::kCPU);
  EXPECT_EQ(reducer->name(), "mpi");
  constexpr std::int64_t kSize = (std::int64_t{1} << 22) + 5;  // more than one piece
  for (const at::ScalarType type : {at::kDouble, at::kFloat, at::kLong}) {
    const at::Tensor values = at::arange(kSize).remainder_(1000).mul_(world.rank() + 1).to(type);
    reducer->all_reduce_sum(values);
    const std::int64_t factor = world.size() * (world.size() + 1) / 2;
    EXPECT_TRUE(values.equal(at::arange(kSize).remainder_(1000).mul_(factor).to(type))) << type;
  }
}

TEST(MpiReducer, RefusesOtherTypes) {
  const Communicator world(MPI_COMM_WORLD);
  EXPECT_THROW(make_mpi_reducer(world)->all_reduce_sum(at::arange(3).to(at::kHalf)), MpiError);
}

TEST(Reducer, RefusesNcclWithoutAGpuForEveryRank) {
  const Communicator world(MPI_COMM_WORLD);
  EXPECT_THROW(make_reducer(ReducerKind::kNccl, world, at::kCPU), DeviceError);
}

// Of 8 micro-batches 4 ranks get two each, of 7 an uneven share, of 1 three get none.
TEST(FisherDiagonal, IsTheSameOnAnyNumberOfRanks) {
  const Communicator world(MPI_COMM_WORLD);
  test::FisherCase subject;
  const Dataset examples = subject.dataset;
  for (const int times : {1, 100, 112}) {
    subject.dataset = test::repeat(examples, times);
    const FisherInputs inputs = subject.inputs();
    const std::vector<at::Tensor> alone = test::FisherCase::diagonal(inputs);
    const FisherInformation together = fisher_information(inputs, world, *make_mpi_reducer(world)).value();
    for (std::size_t i = 0; i < alone.size(); ++i) {
      EXPECT_LE(together.diagonal[i].sub(alone[i]).norm().item<double>(), 1e-12 * alone[i].norm().item<double>());
    }
    const at::Tensor scales = test::FisherCase::scales(inputs);
    EXPECT_TRUE(together.scales.allclose(scales, 1e-12, 0)) << times;
  }
}

TEST(FisherDiagonal, StopOfOneRankStopsAllAndEveryRankSaves) {
  const Communicator world(MPI_COMM_WORLD);
  test::FisherCase subject;
  subject.dataset = test::repeat(subject.dataset, 100);
  std::optional<FisherState> saved;
  const bool is_last = world.rank() == world.size() - 1;
  const auto stopped =
      fisher_information(subject.inputs(), world, *make_mpi_reducer(world),
                         {.next_action = [&] { return is_last ? NextAction::kSaveAndStop : NextAction::kGoOn; },
                          .save = [&](const FisherState& state) { saved = state; }});
  EXPECT_FALSE(stopped.has_value());
  ASSERT_TRUE(saved.has_value());
  EXPECT_EQ(saved->micro_batches == 0, is_last);
  const auto resumed =
      fisher_information(subject.inputs(), world, *make_mpi_reducer(world), {.resume = &*saved}).value();
  const std::vector<at::Tensor> alone = test::FisherCase::diagonal(subject.inputs());
  for (std::size_t i = 0; i < alone.size(); ++i) {
    EXPECT_LE(resumed.diagonal[i].sub(alone[i]).norm().item<double>(), 1e-12 * alone[i].norm().item<double>());
  }
  EXPECT_TRUE(resumed.scales.allclose(test::FisherCase::scales(subject.inputs()), 1e-12, 0));
}

TEST(FisherDiagonal, ThrowsOnEveryRankWhereOneFindsAGradientThatIsNotFinite) {
  const Communicator world(MPI_COMM_WORLD);
  test::FisherCase subject;
  subject.parameters.back() = at::full_like(subject.parameters.back(), std::numeric_limits<float>::quiet_NaN());
  EXPECT_THROW(fisher_information(subject.inputs(), world, *make_mpi_reducer(world)), NumericalError);
}

TEST(Communicator, BroadcastsFromAnyRank) {
  const Communicator world(MPI_COMM_WORLD);
  const int root = world.size() - 1;
  EXPECT_EQ(world.broadcast("rank " + std::to_string(world.rank()), root), "rank " + std::to_string(root));
}

}  // namespace
}  // namespace tunescope
