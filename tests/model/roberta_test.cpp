#include "tunescope/model/roberta/roberta.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/catalogue_lookup.hpp"
#include "support/collected_gradients.hpp"
#include "support/device.hpp"
#include "support/golden.hpp"
#include "support/golden_batch.hpp"
#include "support/temporary_folder.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/io/safetensors.hpp"
#include "tunescope/kernels/training/batch_losses.hpp"
#include "tunescope/model/pass.hpp"
#include "tunescope/model/pretrained.hpp"

namespace tunescope {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class TinyRoberta : public ::testing::Test {
 protected:
  TinyRoberta() {
    for (ParameterIndex i = catalogue.backbone_count(); i < catalogue.size(); ++i) {
      parameters.push_back(weights.float_tensor(catalogue[i].name).to(test::device()));
    }
  }

  PackedBatch batch() const { return test::golden_batch(expected, expected.tensor("labels")); }
  static double largest_difference(const at::Tensor& actual, const at::Tensor& golden) {
    return actual.cpu().sub(golden).abs().max().item<double>();
  }

  const PretrainedModel model = test::load_on_device(test::golden("model/roberta"));
  const Safetensors weights = Safetensors::open_folder(test::golden("model/roberta"));
  const Safetensors expected = Safetensors::open_file(test::golden("model/roberta/expected.safetensors"));
  const ParameterCatalogue catalogue = model.network->catalogue(3);
  Parameters parameters = model.backbone;
};

TEST_F(TinyRoberta, ClassifiesAndDifferentiatesAsTransformers) {
  test::CollectedGradients sink(parameters);
  const PackedBatch examples = batch();
  Pass pass(*model.network, ModelInput{parameters, examples}, {.sink = &sink});
  EXPECT_LT(largest_difference(pass.logits().front(), expected.tensor("logits")), 1e-5);
  const Loss loss = batch_loss(pass.logits().front(), examples.labels);
  EXPECT_NEAR(loss.value(), expected.tensor("loss").item<double>(), 1e-5);
  pass.backward(loss.logits_gradient);
  for (ParameterIndex i = 0; i < catalogue.size(); ++i) {
    const at::Tensor golden = expected.tensor("grad." + catalogue[i].name);
    const double difference = sink.gradients[i].cpu().sub(golden).norm().item<double>();
    const double size = test::is_zero_in_theory(catalogue[i]) ? 0.1 : golden.norm().item<double>();
    EXPECT_LT(difference, 1e-4 * size) << catalogue[i].name;
  }
}

TEST_F(TinyRoberta, CountsNoPositionForAPaddingTokenInAText) {
  PackedBatch examples = batch();
  examples.token_ids = test::whole_numbers(expected.tensor("padded.input_ids"));
  const at::Tensor logits = evaluate_logits(*model.network, parameters, examples);
  EXPECT_LT(largest_difference(logits, expected.tensor("padded.logits")), 1e-5);
}

TEST_F(TinyRoberta, HasTwoLayersInItsHeadAndDrawsEachFromNumbersOfItsOwn) {
  const Parameters drawn = with_new_head(model, catalogue, 3);
  const at::Tensor& dense = drawn[test::index_of(catalogue, "classifier.dense.weight")];
  const at::Tensor& output = drawn[test::index_of(catalogue, "classifier.out_proj.weight")];
  EXPECT_THAT(output.sizes(), ElementsAre(3, 32));
  EXPECT_FALSE(dense.narrow(0, 0, 3).equal(output));
}

TEST_F(TinyRoberta, HoldsFewerTokensThanItHasPositions) {
  EXPECT_EQ(model.network->limits().positions, 32);
  EXPECT_EQ(model.network->architecture(), "RoBERTa");
}

TEST(RobertaConfigReader, NamesAKeyThatIsWrong) {
  const test::TemporaryFolder folder;
  const auto file = folder.write("config.json", R"({"model_type": "roberta", "pad_token_id": -1})");
  EXPECT_THAT(test::message_of<ModelError>([&] { read_network(file); }), HasSubstr("pad_token_id"));
}

TEST(RobertaConfigReader, HasTheDefaultsOfTransformers) {
  const test::TemporaryFolder folder;
  const NetworkLimits limits =
      read_network(folder.write("config.json", R"({"model_type": "roberta"})")).network->limits();
  EXPECT_EQ(limits.vocabulary, 50265);
  EXPECT_EQ(limits.positions, 510);
}

}  // namespace
}  // namespace tunescope
