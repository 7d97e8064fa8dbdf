#include <ATen/ops/arange.h>
#include <ATen/ops/full_like.h>
#include <gtest/gtest.h>

#include "support/architecture_goldens.hpp"
#include "support/fisher_case.hpp"
#include "support/temporary_folder.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/parallel/reducer.hpp"

extern tunescope::RankTeam* team;

namespace tunescope {
namespace {

TEST(MpiReducer, SumsOverRanksInPieces) {
  const auto reducer = make_mpi_reducer(*team);
  constexpr std::int64_t kSize = (std::int64_t{1} << 22) + 5;  // more than one piece
  for (const at::ScalarType type : {at::kDouble, at::kFloat, at::kLong}) {
    const at::Tensor values = at::arange(kSize).remainder_(1000).mul_(team->rank() + 1).to(type);
    reducer->all_reduce_sum({values});
    const std::int64_t factor = team->size() * (team->size() + 1) / 2;
    EXPECT_TRUE(values.equal(at::arange(kSize).remainder_(1000).mul_(factor).to(type))) << type;
  }
}

TEST(MpiReducer, RefusesOtherTypes) {
  EXPECT_THROW(make_mpi_reducer(*team)->all_reduce_sum({at::arange(3).to(at::kHalf)}), MpiError);
}

// Of 8 micro-batches 4 ranks get two each, of 7 an uneven share, of 1 three get none.
TEST(FisherDiagonal, IsTheSameOnAnyNumberOfRanks) {
  test::FisherCase subject;
  const Dataset examples = subject.dataset;
  for (const int times : {1, 100, 112}) {
    subject.dataset = test::repeat(examples, times);
    for (const FisherMode mode : {FisherMode::kEmpirical, FisherMode::kHutchinson}) {
      const FisherInputs inputs = subject.inputs(mode);
      const std::vector<at::Tensor> alone = test::FisherCase::diagonal(inputs);
      const FisherInformation together = fisher_information(inputs, *team, *make_mpi_reducer(*team)).value();
      for (std::size_t i = 0; i < alone.size(); ++i) {
        EXPECT_LE(together.diagonal[i].sub(alone[i]).norm().item<double>(), 1e-12 * alone[i].norm().item<double>());
      }
      const at::Tensor scales = test::FisherCase::depth_profile(inputs);
      EXPECT_TRUE(together.depth_profile.allclose(scales, 1e-12, 0)) << times;
    }
  }
}

// With rows that examples share.
TEST(FisherDiagonal, OfADebertaIsTheSameOnAnyNumberOfRanks) {
  const test::ArchitectureGolden golden("deberta");
  const Dataset examples = test::repeat(test::golden_examples(golden.expected, "labels"), 100);
  FisherInputs inputs{.network = *golden.model.network,
                      .catalogue = golden.catalogue,
                      .parameters = golden.parameters,
                      .dataset = examples,
                      .task = glue_task("MNLI"),
                      .needs_gradient = std::vector<bool>(golden.catalogue.size(), true)};
  const std::vector<at::Tensor> alone = test::FisherCase::diagonal(inputs);
  const FisherInformation together = fisher_information(inputs, *team, *make_mpi_reducer(*team)).value();
  for (std::size_t i = 0; i < alone.size(); ++i) {
    EXPECT_LE(together.diagonal[i].sub(alone[i]).norm().item<double>(), 1e-12 * alone[i].norm().item<double>());
  }
}

TEST(FisherDiagonal, StopOfOneRankStopsAllAndEveryRankSaves) {
  test::FisherCase subject;
  subject.dataset = test::repeat(subject.dataset, 100);
  std::optional<FisherState> saved;
  const bool is_last = team->rank() == team->size() - 1;
  const auto stopped =
      fisher_information(subject.inputs(), *team, *make_mpi_reducer(*team),
                         {.next_action = [&] { return is_last ? NextAction::kSaveAndStop : NextAction::kContinue; },
                          .save = [&](const FisherState& state) { saved = state; }});
  EXPECT_FALSE(stopped.has_value());
  ASSERT_TRUE(saved.has_value());
  EXPECT_EQ(saved->micro_batches == 0, is_last);
  const auto resumed =
      fisher_information(subject.inputs(), *team, *make_mpi_reducer(*team), {.load = [&] { return saved; }}).value();
  const std::vector<at::Tensor> alone = test::FisherCase::diagonal(subject.inputs());
  for (std::size_t i = 0; i < alone.size(); ++i) {
    EXPECT_LE(resumed.diagonal[i].sub(alone[i]).norm().item<double>(), 1e-12 * alone[i].norm().item<double>());
  }
  EXPECT_TRUE(resumed.depth_profile.allclose(test::FisherCase::depth_profile(subject.inputs()), 1e-12, 0));
}

TEST(FisherDiagonal, IsNotComputedAgainFromAFinishedShard) {
  test::FisherCase subject;
  subject.dataset = test::repeat(subject.dataset, 100);
  const auto reducer = make_mpi_reducer(*team);
  std::optional<FisherState> finished;
  const auto keep = [&](const FisherState& state) {
    finished = state;
    for (at::Tensor& sum : finished->sums) sum = sum.clone();
    finished->depth_sums = finished->depth_sums.clone();
  };
  const FisherInformation whole = fisher_information(subject.inputs(), *team, *reducer, {.on_finished = keep}).value();
  EXPECT_TRUE(finished && finished->micro_batches == finished->total);
  std::int64_t computed = 0;
  const FisherControl from_finished{.on_progress = [&](auto, auto) { ++computed; }, .load = [&] { return finished; }};
  const FisherInformation again = fisher_information(subject.inputs(), *team, *reducer, from_finished).value();
  EXPECT_EQ(computed, 0);
  for (std::size_t i = 0; i < whole.diagonal.size(); ++i) EXPECT_TRUE(again.diagonal[i].equal(whole.diagonal[i])) << i;
  EXPECT_TRUE(again.depth_profile.equal(whole.depth_profile));
}

// The type decides the exit status, so the rank that failed keeps its own.
TEST(FisherDiagonal, IsGivenUpByAllRanksIfOneFailsOtherwise) {
  test::FisherCase subject;
  subject.dataset = test::repeat(subject.dataset, 100);
  const int last = team->size() - 1;
  const auto fail = [&] {
    fisher_information(subject.inputs(), *team, *make_mpi_reducer(*team), {.on_progress = [&](auto, auto) {
                         if (team->rank() == last) throw EnvironmentError("out of memory");
                       }});
  };
  if (team->rank() == last) {
    EXPECT_EQ(test::message_of<EnvironmentError>(fail), "out of memory");
  } else {
    EXPECT_EQ(test::message_of<PeerError>(fail), "rank " + std::to_string(last) + ": out of memory");
  }
  EXPECT_TRUE(team->all_of(true));  // all ranks are together again
}

TEST(FisherDiagonal, ThrowsOnEveryRankIfOneFindsAGradientThatIsNotFinite) {
  test::FisherCase subject;
  subject.parameters.back() = at::full_like(subject.parameters.back(), std::numeric_limits<float>::quiet_NaN());
  EXPECT_THROW(fisher_information(subject.inputs(), *team, *make_mpi_reducer(*team)), NumericalError);
}

}  // namespace
}  // namespace tunescope
