#include "tunescope/storage/kept_weights.hpp"

#include <gtest/gtest.h>

#include "support/added_parameters.hpp"
#include "support/golden.hpp"
#include "support/temporary_folder.hpp"
#include "tunescope/io/atomic_file.hpp"
#include "tunescope/method/method.hpp"

namespace tunescope {
namespace {

// A trial of the tiny model whose head has been trained.
class KeptWeightsOfATrial : public ::testing::Test {
 protected:
  KeptWeightsOfATrial() {
    spec_.name = "job";
    spec_.results_folder = results_.path();
    folder_.emplace(spec_);
    folder_->prepare();
  }

  WeightsKeeper keeper(KeepWeights keep) const { return {*folder_, kTrial, keep}; }
  // After these evaluations, the first of which is the best.
  TrainedModel trained(std::vector<std::int64_t> steps, TrialEnd end = TrialEnd::kDone) const {
    TrainedModel model{.result = {}, .parameters = parameters_};
    model.result.end = end;
    for (const std::int64_t step : steps) model.result.evaluations.push_back({.step = step, .scores = {}});
    model.result.steps = steps.empty() ? 0 : steps.back();
    model.result.total_parameters = catalogue_.total_size();
    return model;
  }
  std::optional<std::int64_t> kept() const { return kept_step(folder_->kept_file(kTrial), kTrial); }
  bool has_best(std::int64_t step) const {
    return std::filesystem::exists(folder_->checkpoint_folder(kTrial) /
                                   ("best-" + std::to_string(step) + ".safetensors"));
  }
  void end(WeightsKeeper& keeper, const TrainedModel& model) const { keeper.on_end(model, model_, catalogue_); }
  void best(WeightsKeeper& keeper, std::int64_t step) const { keeper.on_best(step, parameters_, model_, catalogue_); }

  static constexpr const char* kTrial = "0123456789abcdef";
  test::TemporaryFolder results_;
  SweepSpec spec_;
  std::optional<JobFolder> folder_;
  PretrainedModel model_ = load_pretrained(test::golden("model/tiny"));
  ParameterCatalogue catalogue_ = model_.network->catalogue(2);
  Parameters parameters_ = with_new_head(model_, catalogue_, 1);
};

TEST_F(KeptWeightsOfATrial, KeepsTheLastWeightsOrNone) {
  WeightsKeeper last = keeper(KeepWeights::kTrained);
  end(last, trained({4, 8}));
  EXPECT_EQ(kept(), 8);
  WeightsKeeper none = keeper(KeepWeights::kNone);
  end(none, trained({4, 8}));
  EXPECT_EQ(kept(), std::nullopt);
}

TEST_F(KeptWeightsOfATrial, KeepsNothingOfATrialThatDiverges) {
  WeightsKeeper last = keeper(KeepWeights::kTrained);
  end(last, trained({4, 8}));
  end(last, trained({4}, TrialEnd::kDiverged));
  EXPECT_EQ(kept(), std::nullopt);
}

TEST_F(KeptWeightsOfATrial, KnowsThatTheBestWeightsAreInTheirPlace) {
  WeightsKeeper first = keeper(KeepWeights::kBest);
  best(first, 4);
  end(first, trained({4, 8}));
  EXPECT_EQ(kept(), 4);
  EXPECT_FALSE(has_best(4));
  WeightsKeeper again = keeper(KeepWeights::kBest);  // a kill came before the result file
  end(again, trained({4, 8}));
  EXPECT_EQ(kept(), 4);
}

TEST_F(KeptWeightsOfATrial, DoesNotTakeOtherWeightsForTheBest) {
  WeightsKeeper last = keeper(KeepWeights::kTrained);
  end(last, trained({4, 8}));
  WeightsKeeper best_ones = keeper(KeepWeights::kBest);
  end(best_ones, trained({4, 8}));
  EXPECT_EQ(kept(), std::nullopt);
}

TEST_F(KeptWeightsOfATrial, ForgetsWhatNoCheckpointNeeds) {
  WeightsKeeper first = keeper(KeepWeights::kBest);
  best(first, 2);
  best(first, 4);
  EXPECT_FALSE(has_best(2));
  first.on_checkpoint(trained({4}).result);
  best(first, 6);
  EXPECT_TRUE(has_best(4));
  first.on_checkpoint(trained({6}).result);
  EXPECT_TRUE(has_best(4)) << "the checkpoint before the latest needs it";
  first.on_checkpoint(trained({6}).result);
  EXPECT_FALSE(has_best(4));
  EXPECT_TRUE(has_best(6));
  WeightsKeeper resumed = keeper(KeepWeights::kBest);
  best(resumed, 8);
  EXPECT_TRUE(has_best(6)) << "it is not known yet which checkpoint needs it";
}

// Of a trial that adds LoRA's matrices.
class KeptAdditions : public KeptWeightsOfATrial {
 protected:
  KeptAdditions() {
    trial_.task = "CoLA";
    trial_.method = parse_method("lora:rank=2");
    trial_.seed = 1;
    additions_.emplace(additions_of(trial_.method, catalogue_));
    additions_->append_initial(parameters_, trial_.seed);
    test::randomize_added(*additions_, parameters_);
  }
  // As a trial that ends keeps them.
  void keep(const Parameters& parameters) {
    TrainedModel model = trained({4});
    model.parameters = parameters;
    WeightsKeeper(*folder_, trial_.id(), KeepWeights::kTrained).on_end(model, model_, additions_->catalogue());
  }

  Trial trial_;
  std::optional<Additions> additions_;
};

TEST_F(KeptAdditions, AreKeptAsTheyAre) {
  keep(parameters_);
  const Safetensors file = Safetensors::open_file(folder_->kept_file(trial_.id()));
  for (const std::string& name : file.names()) {
    EXPECT_TRUE(name.find(".lora_") != std::string::npos || name.starts_with("classifier.")) << name;
  }
  const KeptWeights kept = load_kept_weights(*folder_, trial_, model_, catalogue_);
  EXPECT_FALSE(kept.are_merged);
  ASSERT_EQ(kept.parameters.size(), parameters_.size());
  for (ParameterIndex i = 0; i < parameters_.size(); ++i) EXPECT_TRUE(kept.parameters[i].equal(parameters_[i])) << i;
}

TEST_F(KeptAdditions, OfEarlierBuildsAreMergedIntoTheModelsTensors) {
  const Parameters merged = additions_->merged(parameters_);
  keep(merged);
  const KeptWeights kept = load_kept_weights(*folder_, trial_, model_, catalogue_);
  EXPECT_TRUE(kept.are_merged);
  const Parameters found = kept.additions.merged(kept.parameters);
  for (ParameterIndex i = 0; i < merged.size(); ++i) EXPECT_TRUE(found[i].equal(merged[i])) << i;
}

TEST_F(KeptAdditions, AreSmallEnoughToBeKeptByDefault) {
  TrainedModel model = trained({4});
  model.result.total_parameters = 1'000'000;  // of which the matrices and the head are less than 1 %
  model.parameters = parameters_;
  WeightsKeeper(*folder_, trial_.id(), KeepWeights::kAuto).on_end(model, model_, additions_->catalogue());
  EXPECT_EQ(kept_bytes(*folder_, trial_.id()),
            static_cast<std::int64_t>(std::filesystem::file_size(folder_->kept_file(trial_.id()))));
  EXPECT_EQ(kept_bytes(*folder_, kTrial), 0);
}

TEST_F(KeptWeightsOfATrial, GoesOnWithoutWeightsThatCannotBeWritten) {
  WeightsKeeper best_ones = keeper(KeepWeights::kBest);
  write_text_atomically(folder_->checkpoint_folder(kTrial), "a file where the folder should be");
  best(best_ones, 4);
  best_ones.on_checkpoint(trained({4}).result);
  end(best_ones, trained({4}));
  EXPECT_EQ(kept(), std::nullopt);
}

}  // namespace
}  // namespace tunescope
