// Passes whose matrix products read bfloat16, which the kernels before them write.

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/index.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "support/catalogue_lookup.hpp"
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

// The same model written with LibTorch's autograd. Both operands of a linear layer's product are rounded, as is the
// gradient that its products read on the way back; that of its bias is not.
class AutogradBert {
 public:
  AutogradBert(const ParameterCatalogue& catalogue, const Parameters& parameters) : catalogue_(catalogue) {
    for (const at::Tensor& parameter : parameters) leaves_.push_back(parameter.detach().clone().requires_grad_(true));
  }

  // The model of tests/golden/model/tiny.
  at::Tensor logits(const PackedBatch& batch) const {
    const at::Device device = leaves_.front().device();
    const auto row = [&](const char* table, const std::vector<std::int64_t>& ids) {
      return at::index((*this)["bert.embeddings." + std::string(table) + "_embeddings.weight"],
                       {at::tensor(ids).to(device)});
    };
    std::vector<std::int64_t> positions, first_tokens;
    for (std::size_t b = 0; b + 1 < batch.sequence_offsets.size(); ++b) {
      first_tokens.push_back(batch.sequence_offsets[b]);
      for (std::int64_t token = first_tokens.back(); token < batch.sequence_offsets[b + 1]; ++token) {
        positions.push_back(token - first_tokens.back());
      }
    }
    at::Tensor hidden =
        normalized("bert.embeddings.LayerNorm",
                   row("word", batch.token_ids) + row("position", positions) + row("token_type", batch.type_ids));
    for (const std::string layer : {"bert.encoder.layer.0.", "bert.encoder.layer.1."}) {
      const at::Tensor context =
          attended(batch, linear(layer + "attention.self.query", hidden), linear(layer + "attention.self.key", hidden),
                   linear(layer + "attention.self.value", hidden));
      hidden =
          normalized(layer + "attention.output.LayerNorm", linear(layer + "attention.output.dense", context) + hidden);
      const at::Tensor activated = at::gelu(linear(layer + "intermediate.dense", hidden));
      hidden = normalized(layer + "output.LayerNorm", linear(layer + "output.dense", activated) + hidden);
    }
    const at::Tensor pooled =
        linear("bert.pooler.dense", at::index(hidden, {at::tensor(first_tokens).to(device)})).tanh();
    return pooled.matmul((*this)["classifier.weight"].t()) + (*this)["classifier.bias"];
  }

  const at::Tensor& gradient(ParameterIndex parameter) const { return leaves_[parameter].grad(); }

 private:
  static at::Tensor round(const at::Tensor& tensor) { return tensor.to(at::kBFloat16).to(at::kFloat); }
  // The gradient goes through as it is.
  static at::Tensor rounded(const at::Tensor& tensor) {
    const at::Tensor numbers = tensor.detach();
    return tensor + (round(numbers) - numbers);
  }

  const at::Tensor& operator[](const std::string& name) const { return leaves_[test::index_of(catalogue_, name)]; }

  at::Tensor linear(const std::string& name, const at::Tensor& input) const {
    const at::Tensor product = rounded(input).matmul(rounded((*this)[name + ".weight"]).t());
    product.register_hook([](const at::Tensor& gradient) { return round(gradient); });
    return product + (*this)[name + ".bias"];
  }

  at::Tensor normalized(const std::string& name, const at::Tensor& rows) const {
    return at::layer_norm(rows, {rows.size(1)}, (*this)[name + ".weight"], (*this)[name + ".bias"], 1e-12);
  }

  static at::Tensor attended(const PackedBatch& batch, const at::Tensor& query, const at::Tensor& key,
                             const at::Tensor& value) {
    constexpr std::int64_t kHeads = 4;
    std::vector<at::Tensor> contexts;
    for (std::int64_t b = 0; b < batch.sequence_count(); ++b) {
      const std::int64_t first = batch.sequence_offsets[static_cast<std::size_t>(b)];
      const std::int64_t length = batch.sequence_offsets[static_cast<std::size_t>(b) + 1] - first;
      const auto heads = [&](const at::Tensor& all) {
        return all.narrow(0, first, length).view({length, kHeads, -1}).transpose(0, 1);
      };
      const double scale = 1.0 / std::sqrt(static_cast<double>(query.size(1) / kHeads));
      const at::Tensor scores = heads(query).matmul(heads(key).transpose(1, 2)) * scale;
      contexts.push_back(at::softmax(scores, -1).matmul(heads(value)).transpose(0, 1).reshape({length, -1}));
    }
    return at::cat(contexts);
  }

  const ParameterCatalogue& catalogue_;
  Parameters leaves_;
};

double difference(const at::Tensor& a, const at::Tensor& b) {
  return a.sub(b).norm().item<double>() / b.norm().item<double>();
}

class Bfloat16Pass : public ::testing::Test {
 protected:
  struct Differentiated {
    at::Tensor logits;
    std::vector<at::Tensor> gradients;
    int rounded_uses = 0;
  };

  Differentiated differentiate(double dropout) const {
    RoundedOperands sink(parameters_);
    Pass pass(*model_.network, {parameters_, batch_, 7, &weights_}, {.sink = &sink, .dropout = dropout});
    const at::Tensor logits = pass.logits().front();
    pass.backward(batch_loss(logits, batch_.labels.to(logits.device())).logits_gradient);
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
TEST_F(Bfloat16Pass, RoundsTheOperandsOfEveryLinearLayer) { EXPECT_EQ(differentiate(0.1).rounded_uses, 4 + 5 + 1); }

// Sums in another order round a number to its neighbour now and then.
TEST_F(Bfloat16Pass, EqualsAutogradWithTheSameOperandsRounded) {
  const Differentiated own = differentiate(0.0);
  const AutogradBert expected(catalogue_, parameters_);
  const at::Tensor logits = expected.logits(batch_);
  at::cross_entropy_loss(logits, batch_.labels.to(logits.device())).backward();
  EXPECT_LT(difference(own.logits, logits.detach()), 1e-3);
  for (ParameterIndex i = 0; i < catalogue_.size(); ++i) {
    if (test::is_zero_in_theory(catalogue_[i])) continue;
    EXPECT_LT(difference(own.gradients[i], expected.gradient(i)), 2e-3) << catalogue_[i].name;
  }
}

// Which rounds the sums of its products too.
TEST_F(Bfloat16Pass, IsNearThatOfTheReferenceKernels) {
  const Differentiated own = differentiate(0.1);
  const ForcedKernels reference(KernelBackend::kReference);
  const Differentiated expected = differentiate(0.1);
  EXPECT_LT(difference(own.logits, expected.logits), 3e-2);
  for (ParameterIndex i = 0; i < catalogue_.size(); ++i) {
    if (test::is_zero_in_theory(catalogue_[i])) continue;
    EXPECT_LT(difference(own.gradients[i], expected.gradients[i]), 0.1) << catalogue_[i].name;
  }
}

TEST_F(Bfloat16Pass, IsOfAllModelsOrOfNone) {
  const std::array models = {ModelInput{parameters_, batch_, {}, &weights_}, ModelInput{parameters_, batch_}};
  EXPECT_THROW(Pass(*model_.network, models), Error);
}

}  // namespace
}  // namespace tunescope
