#include "tunescope/model/weights/packed_weights.hpp"

#include <gtest/gtest.h>

#include "support/collected_gradients.hpp"
#include "support/random_model.hpp"
#include "support/small_dataset.hpp"
#include "tunescope/model/pass.hpp"

namespace tunescope {
namespace {

// Of the first layer the three projections as one, and three other matrices. In the last one the queries are those of
// the head's tokens alone, and so a matrix of their own. Then the pooler. Each is multiplied in both passes.
constexpr std::size_t kCopies = 2 * (4 + 5 + 1);

class PackedWeightsOfBert : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!PackedMatrix::best_packing()) GTEST_SKIP() << "this LibTorch has no products with packed matrices";
  }

  struct Numbers {
    at::Tensor logits;
    std::vector<at::Tensor> gradients;
  };
  Numbers compute(PackedWeights* packed_weights) {
    const Dataset dataset = test::numbered_dataset(12);
    const PackedBatch batch = pack(dataset, std::vector<std::int64_t>{3, 11, 0, 7}, /*is_regression=*/true);
    test::CollectedGradients sink(parameters_);
    Pass pass(*model_.network,
              {.parameters = parameters_, .batch = batch, .dropout_key = 7, .packed_weights = packed_weights},
              {.sink = &sink});
    const at::Tensor logits = pass.logits().front().clone();
    pass.backward(logits);
    return {logits, sink.gradients};
  }

  PretrainedModel model_ = test::wide_bert(2);
  ParameterCatalogue catalogue_ = model_.network->catalogue(2);
  Parameters parameters_ = with_new_head(model_, catalogue_, 1);
};

double relative_distance(const at::Tensor& found, const at::Tensor& expected) {
  return found.sub(expected).norm().item<double>() / expected.norm().item<double>();
}

TEST_F(PackedWeightsOfBert, ChangeNoNumberButByRounding) {
  const Numbers expected = compute(nullptr);
  EXPECT_EQ(model_.packed_weights->copies(), 0);
  const Numbers found = compute(model_.packed_weights.get());
  EXPECT_EQ(model_.packed_weights->copies(), kCopies);
  EXPECT_LT(relative_distance(found.logits, expected.logits), 1e-5);
  for (ParameterIndex i = 0; i < catalogue_.size(); ++i) {
    if (test::is_zero_in_theory(catalogue_[i])) continue;
    EXPECT_LT(relative_distance(found.gradients[i], expected.gradients[i]), 1e-5) << catalogue_[i].name;
  }
}

TEST_F(PackedWeightsOfBert, AreMadeOnceForEachMatrixAndDirection) {
  PackedWeights& packed_weights = *model_.packed_weights;
  const at::Tensor& query = model_.backbone[model_.network->joint_tensors()[0][0]];
  const at::Tensor together = query.as_strided({3 * query.size(0), query.size(1)}, {query.size(1), 1});
  const PackedMatrix* const alone = packed_weights.find(query.t());
  ASSERT_NE(alone, nullptr);
  EXPECT_EQ(packed_weights.find(query.t()), alone);
  EXPECT_NE(packed_weights.find(query), alone);
  EXPECT_NE(packed_weights.find(together.t()), alone);
}

TEST_F(PackedWeightsOfBert, LeaveOutWhatIsTrainedAndWhatIsSmall) {
  const at::Tensor& query = model_.backbone[model_.network->joint_tensors()[0][0]];
  EXPECT_EQ(model_.packed_weights->find(query.clone().t()), nullptr);
  EXPECT_EQ(model_.packed_weights->find(model_.backbone.front().narrow(0, 0, 8)), nullptr);
}

// The embedding tables are no operands of products.
TEST_F(PackedWeightsOfBert, TakeTwiceTheBytesOfTheMatrices) {
  constexpr double kOfLayer = 4 * 256 * 256 + 2 * 256 * 512;
  constexpr double kPooler = 256 * 256;
  EXPECT_DOUBLE_EQ(model_.packed_weights->expected_bytes(), 2 * sizeof(float) * (2 * kOfLayer + kPooler));
}

}  // namespace
}  // namespace tunescope
