#include "tunescope/plan/calibration.hpp"

#include <ATen/ops/ones_like.h>
#include <gtest/gtest.h>

#include <numeric>

#include "support/golden.hpp"
#include "support/temporary_folder.hpp"
#include "tunescope/data/packed_batch.hpp"
#include "tunescope/fisher/squared_gradients.hpp"
#include "tunescope/model/pass.hpp"
#include "tunescope/train/trainer.hpp"

namespace tunescope {
namespace {

// The golden model with the few rows of CoLA that are beside it.
class Calibration : public ::testing::Test {
 protected:
  Calibration() {
    std::filesystem::copy(test::golden("earlier_build/model"), folder_.path() / "model");
    for (const char* name : {"config.json", "model.safetensors"}) {
      std::filesystem::copy(test::golden("model/tiny") / name, folder_.path() / "model" / name);
    }
    spec_.model_folder = folder_.path() / "model";
    spec_.glue_folder = test::golden("earlier_build/glue");
    spec_.cache_folder = folder_.path() / "cache";
    spec_.tasks = {"CoLA"};
    spec_.max_length = 48;
  }

  FisherRun run_at(const std::string& method) const {
    Trial training;
    training.task = "CoLA";
    training.method = parse_method(method);
    return {.training = training, .parameters = canonical_group("all"), .keep = {}};
  }

  // As one pass over all of these examples counts them.
  double flops_of_pass(SweepInputs& inputs, const Dataset& examples) {
    const ParameterCatalogue& catalogue = inputs.catalogue(*inputs.task("CoLA").task);
    const Parameters parameters = with_new_head(inputs.model(), catalogue, 1);
    std::vector<std::int64_t> all(static_cast<std::size_t>(examples.size()));
    std::iota(all.begin(), all.end(), 0);
    const PackedBatch batch = pack(examples, all, false);
    SquaredGradients squares(catalogue, std::vector<bool>(catalogue.size(), true), at::kCPU, 1);
    Pass pass(*inputs.model().network, ModelInput{parameters, batch},
              {.sink = &squares, .last_layer = LastLayer::kAllTokens});
    pass.backward(at::ones_like(pass.logits().front()));
    return pass.flops().forward + pass.flops().backward;
  }

  test::TemporaryFolder folder_;
  SweepSpec spec_;
};

// All but the first quarter of the examples, and nothing of what the measured training would add to the model.
TEST_F(Calibration, OfAFisherRunCountsTheOperationsThatItTimes) {
  SweepInputs inputs(spec_, [](const std::string&) {});
  const Dataset& examples = inputs.task("CoLA").train;
  const double expected = flops_of_pass(inputs, examples) - flops_of_pass(inputs, subsample(examples, 6));
  ASSERT_EQ(examples.size(), 24);
  for (const char* method : {"full", "lora:rank=2", "ia3"}) {
    EXPECT_DOUBLE_EQ(measure_first_examples(run_at(method), inputs).flops, expected) << method;
  }
}

}  // namespace
}  // namespace tunescope
