#include <gtest/gtest.h>

#include "support/random_model.hpp"
#include "support/small_dataset.hpp"
#include "tunescope/train/evaluate.hpp"
#include "tunescope/train/trainer.hpp"

namespace tunescope {
namespace {

class PackedWeightsInTraining : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!PackedMatrix::best_packing()) GTEST_SKIP() << "this LibTorch has no products with packed matrices";
    data_.task = &glue_task("STS-B");
    data_.train = test::numbered_dataset(8);
    data_.dev = test::numbered_dataset(8);
  }

  std::size_t copies_after_training(const char* method) {
    train({.model = model_,
           .catalogue = catalogue_,
           .data = data_,
           .method = parse_method(method),
           .learning_rate = 1e-4,
           .seed = 1,
           .options = {.epochs = 1, .batch_size = 8}},
          {});
    return model_.packed_weights->copies();
  }

  PretrainedModel model_ = test::wide_bert(1);
  ParameterCatalogue catalogue_ = model_.network->catalogue(1);
  TaskData data_;
};

// Queries, keys and values as two matrices, three others of the only layer, and the pooler.
constexpr std::size_t kForward = 6;

TEST_F(PackedWeightsInTraining, AreReadInBothPassesWhereMatricesAreFrozen) {
  EXPECT_EQ(copies_after_training("layernorm"), 2 * kForward);
}

TEST_F(PackedWeightsInTraining, AreNotMadeOfMatricesThatTrain) { EXPECT_EQ(copies_after_training("full"), 0); }

TEST_F(PackedWeightsInTraining, AreReadInEvaluation) {
  const Parameters parameters = with_new_head(model_, catalogue_, 1);
  const EvaluatedModel model{
      .network = *model_.network, .parameters = parameters, .packed_weights = model_.packed_weights.get()};
  predict(model, data_.dev, *data_.task, [] { return true; });
  EXPECT_EQ(model_.packed_weights->copies(), kForward);
}

}  // namespace
}  // namespace tunescope
