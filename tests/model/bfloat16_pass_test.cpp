// Passes whose matrix products read bfloat16, which the kernels before them write.

#include <gtest/gtest.h>

#include <array>

#include "support/collected_gradients.hpp"
#include "support/device.hpp"
#include "support/golden.hpp"
#include "support/golden_batch.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/io/safetensors.hpp"
#include "tunescope/kernels/forced_kernels.hpp"
#include "tunescope/kernels/training/batch_losses.hpp"
#include "tunescope/model/pass.hpp"

namespace tunescope {
namespace {

// Expects of the operands of weight gradients that they are in bfloat16, and counts their uses.
class RoundedOperands final : public test::CollectedGradients {
 public:
  using CollectedGradients::CollectedGradients;

  void on_linear(std::span<const LinearParameters> layers, std::span<const LinearFactors> uses) override {
    for (const LinearFactors& use : uses) {
      const bool is_head = !use.bfloat16_gradient.defined();
      if (!is_head) {
        ++count;
        EXPECT_EQ(use.input.scalar_type(), at::kBFloat16);
        EXPECT_TRUE(use.bfloat16_gradient.equal(use.output_gradient.to(at::kBFloat16)));
      }
      const LinearFactors in_float32{use.input.to(at::kFloat), use.output_gradient, use.rows};
      CollectedGradients::on_linear(layers, {&in_float32, 1});
    }
  }

  int count = 0;
};

class Bfloat16Pass : public ::testing::Test {
 protected:
  struct Differentiated {
    at::Tensor logits;
    std::vector<at::Tensor> gradients;
    int rounded_uses = 0;
  };

  Differentiated differentiate() const {
    RoundedOperands sink(parameters_);
    Pass pass(*model_.network, {parameters_, batch_, 7, &weights_}, {.sink = &sink, .dropout = 0.1});
    const at::Tensor logits = pass.logits().front();
    pass.backward(batch_loss(logits, batch_.labels).logits_gradient);
    return {logits, std::move(sink.gradients), sink.count};
  }

  const PretrainedModel model_ = test::load_on_device(test::golden("model/tiny"));
  const ParameterCatalogue catalogue_ = model_.network->catalogue(3);
  const Parameters parameters_ = with_new_head(model_, catalogue_, 1);
  const Bfloat16Weights weights_{model_};
  const Safetensors expected_ = Safetensors::open_file(test::golden("model/tiny/expected.safetensors"));
  const PackedBatch batch_ = test::golden_batch(expected_, expected_.tensor("labels"));
};

// Keys and values of the last layer are of all tokens, its queries of the first.
TEST_F(Bfloat16Pass, RoundsTheOperandsOfEveryLinearLayer) { EXPECT_EQ(differentiate().rounded_uses, 4 + 5 + 1); }

// The reference rounds the sums of its products too.
TEST_F(Bfloat16Pass, IsThatOfTheReferenceKernels) {
  const Differentiated own = differentiate();
  const ForcedKernels reference(KernelBackend::kReference);
  const Differentiated expected = differentiate();
  const auto difference = [](const at::Tensor& a, const at::Tensor& b) {
    return a.sub(b).norm().item<double>() / b.norm().item<double>();
  };
  EXPECT_LT(difference(own.logits, expected.logits), 1e-2);
  for (ParameterIndex i = 0; i < catalogue_.size(); ++i) {
    if (test::is_zero_in_theory(catalogue_[i])) continue;
    EXPECT_LT(difference(own.gradients[i], expected.gradients[i]), 2e-2) << catalogue_[i].name;
  }
}

TEST_F(Bfloat16Pass, IsOfAllModelsOrOfNone) {
  const std::array models = {ModelInput{parameters_, batch_, {}, &weights_}, ModelInput{parameters_, batch_}};
  EXPECT_THROW(Pass(*model_.network, models), Error);
}

}  // namespace
}  // namespace tunescope
