#include "tunescope/model/pass.hpp"

#include <ATen/ops/randn.h>
#include <ATen/ops/zeros_like.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "model/catalogue_builder.hpp"
#include "model/operations/operations.hpp"
#include "support/collected_gradients.hpp"
#include "support/finite_differences.hpp"
#include "tunescope/data/dataset.hpp"
#include "tunescope/fisher/squared_gradients.hpp"
#include "tunescope/kernels/training/batch_losses.hpp"
#include "tunescope/train/training_sink.hpp"

namespace tunescope {
namespace {

constexpr std::int64_t kHidden = 6;
constexpr std::int64_t kVocabulary = 9;
constexpr std::int64_t kOutputs = 3;

// A network that uses each of its parameters but the head several times, on rows of tokens and of sequences: one table
// for two lookups, one linear layer for all projections and both ends of blocks, and one LayerNorm.
class SharingNetwork final : public Network {
 public:
  SharingNetwork() {
    CatalogueBuilder builder;
    add_tensors(builder);
  }

  std::string_view architecture() const override { return "test"; }
  std::string_view model_type() const override { return ""; }
  std::string_view classifier_class() const override { return ""; }
  const NetworkLimits& limits() const override { return limits_; }
  std::string_view prefix() const override { return ""; }
  std::vector<std::vector<ParameterIndex>> joint_tensors() const override { return {}; }
  double initializer_range() const override { return 0.0; }

  ParameterCatalogue catalogue(std::int64_t) const override {
    CatalogueBuilder builder;
    SharingNetwork().add_tensors(builder);
    return builder.build();
  }

  std::vector<TableLookup> lookups(const PackedBatch& batch) const override {
    std::vector<std::int64_t> other_ids;
    for (const std::int64_t id : batch.token_ids) other_ids.push_back((3 * id + 1) % kVocabulary);
    return {{table_, batch.token_ids}, {table_, std::move(other_ids)}};
  }

  std::vector<Value> forward(Recording& pass) const override {
    const Norm norm{norm_, 1e-5};
    const Value embedded = embedding(pass, norm, {});
    const Value first = end_of_block(pass, {.layer = layer_, .norm = norm}, embedded, embedded);
    const Value twice = linear(pass, std::array{layer_, layer_}, first);  // [T, 2 H]: keys and values
    const Value pooled = pooled_tokens(pass, first);
    const Value context = attention(pass, linear(pass, layer_, pooled), twice, {.heads = 2});
    embedded_ = embedded.tensor;
    return head(pass, head_, end_of_block(pass, {.layer = layer_, .norm = norm}, context, pooled));
  }

  ParameterIndex head_weight() const { return head_.weight; }
  // How many owners the embedded tokens of the latest pass have, this object included.
  std::size_t owners_of_embedded() const { return embedded_.use_count(); }

 private:
  void add_tensors(CatalogueBuilder& builder) {
    builder.begin_layer("embeddings", "");
    table_ = builder.add_table("table", kVocabulary, kHidden);
    norm_ = builder.add_layer_norm("norm", Block::kEmbeddings, Follows::kEmbeddings, kHidden);
    builder.begin_encoder_layer("layer.");
    layer_ = builder.add_linear("dense", Block::kFeedForward, kHidden, kHidden);
    builder.begin_layer("head", "");
    head_ = builder.add_linear("head", Block::kHead, kOutputs, kHidden);
  }

  NetworkLimits limits_{.layers = 1, .hidden_size = kHidden};
  ParameterIndex table_ = 0;
  LayerNormParameters norm_;
  LinearParameters layer_, head_;
  mutable at::Tensor embedded_;
};

class SharedParameters : public ::testing::Test {
 protected:
  SharedParameters() {
    for (const ParameterInfo& parameter : catalogue_.parameters()) {
      parameters_.push_back(at::randn(parameter.shape, at::kDouble));
    }
    dataset_.token_ids = {1, 2, 2, 3, 0, 5, 6, 7, 8, 8, 1, 4, 2, 7};
    dataset_.type_ids.assign(dataset_.token_ids.size(), 0);
    dataset_.offsets = {0, 3, 4, 8, 9, 14};
    dataset_.labels = {0, 1, 2, 1, 0};
  }

  PackedBatch batch(std::int64_t first, std::int64_t count) const {
    std::vector<std::int64_t> examples;
    for (std::int64_t i = first; i < std::min(first + count, dataset_.size()); ++i) examples.push_back(i);
    return pack(dataset_, examples, false);
  }

  // Of the mean loss of some examples.
  std::vector<at::Tensor> gradients(std::int64_t first, std::int64_t count) const {
    const PackedBatch examples = batch(first, count);
    test::CollectedGradients sink(parameters_);
    Pass pass(network_, ModelInput{parameters_, examples}, {.sink = &sink});
    pass.backward(batch_loss(pass.logits().front(), examples.labels).logits_gradient);
    return sink.gradients;
  }

  const SharingNetwork network_;
  const ParameterCatalogue catalogue_ = network_.catalogue(kOutputs);
  Parameters parameters_;
  Dataset dataset_;
};

TEST_F(SharedParameters, HaveTheSumOverTheirUsesAsGradient) {
  const std::vector<at::Tensor> found = gradients(0, 5);
  const PackedBatch all = batch(0, 5);
  const auto loss = [&] { return batch_loss(evaluate_logits(network_, {parameters_, all}), all.labels).value(); };
  for (ParameterIndex i = 0; i < catalogue_.size(); ++i) {
    test::expect_finite_differences(loss, parameters_[i], found[i], 1e-7);
  }
}

TEST_F(SharedParameters, TrainByThatSum) {
  const std::vector<at::Tensor> expected = gradients(0, 5);
  double norm = 0.0;
  for (const at::Tensor& gradient : expected) norm += gradient.square().sum().item<double>();
  Parameters parameters = parameters_;
  TrainableParameters trainable(catalogue_, select_parameters(parse_method("full"), catalogue_, {}), parameters);
  TrainingSink sink({&trainable});
  const PackedBatch all = batch(0, 5);
  Pass pass(network_, ModelInput{parameters, all}, {.sink = &sink});
  trainable.zero_grad();
  pass.backward(batch_loss(pass.logits().front(), all.labels).logits_gradient);
  EXPECT_NEAR(trainable.finish_gradients().norm().item<double>(), std::sqrt(norm), 1e-12);
}

// The square of the sum over uses, not the sum of their squares.
TEST_F(SharedParameters, HaveTheSquareOfThatSumAsFisherInformation) {
  for (const std::int64_t group_size : {1, 3}) {
    std::vector<at::Tensor> expected;
    for (const at::Tensor& parameter : parameters_) expected.push_back(at::zeros_like(parameter));
    for (std::int64_t first = 0; first < dataset_.size(); first += group_size) {
      const std::vector<at::Tensor> group = gradients(first, group_size);
      for (ParameterIndex i = 0; i < group.size(); ++i) expected[i].add_(group[i].square());
    }
    SquaredGradients squares(catalogue_, std::vector<bool>(catalogue_.size(), true), at::kCPU, group_size);
    const PackedBatch all = batch(0, 5);
    Pass pass(network_, ModelInput{parameters_, all}, {.sink = &squares});
    const at::Tensor logits_gradient = batch_loss(pass.logits().front(), all.labels).logits_gradient.mul(5);
    for (std::int64_t first = 0; first < 5; first += group_size) {
      const std::int64_t count = std::min<std::int64_t>(group_size, 5 - first);
      logits_gradient.narrow(0, first, count).div_(count);
    }
    pass.backward(logits_gradient);
    for (ParameterIndex i = 0; i < expected.size(); ++i) {
      EXPECT_TRUE(squares.sums()[i].allclose(expected[i], 1e-10, 1e-14)) << catalogue_[i].name;
    }
  }
}

TEST_F(SharedParameters, GiveTheSameAgainIfActivationsAreKept) {
  const PackedBatch all = batch(0, 5);
  test::CollectedGradients sink(parameters_);
  Pass pass(network_, ModelInput{parameters_, all}, {.sink = &sink});
  const at::Tensor gradient = batch_loss(pass.logits().front(), all.labels).logits_gradient;
  pass.backward(gradient.clone(), Keep::kActivations);
  const std::vector<at::Tensor> once = sink.gradients;
  std::vector<at::Tensor> copies;
  for (const at::Tensor& tensor : once) copies.push_back(tensor.clone());
  pass.backward(gradient);
  for (ParameterIndex i = 0; i < copies.size(); ++i) {
    EXPECT_TRUE(sink.gradients[i].allclose(copies[i].mul(2), 1e-12, 0)) << catalogue_[i].name;
  }
}

// Needs one gradient only.
class OneGradient final : public GradientSink {
 public:
  explicit OneGradient(ParameterIndex wanted) : wanted_(wanted) {}
  bool needs_gradient(std::size_t, ParameterIndex parameter) const override { return parameter == wanted_; }
  void on_linear(std::span<const LinearParameters>, std::span<const LinearFactors>) override {}
  void on_layer_norm(const LayerNormParameters&, std::span<const LayerNormFactors>) override {}
  void on_embedding(ParameterIndex, std::span<const EmbeddingFactors>) override {}
  void on_head(const LinearParameters&, const HeadFactors&) override {}
  void on_added(std::span<const AddedFactors>) override {}

 private:
  ParameterIndex wanted_;
};

TEST_F(SharedParameters, BelowTheLowestThatNeedsAGradientNothingIsKept) {
  const PackedBatch all = batch(0, 5);
  {
    const Pass evaluation(network_, ModelInput{parameters_, all});
    EXPECT_EQ(network_.owners_of_embedded(), 1U);
  }
  {
    OneGradient head(network_.head_weight());
    const Pass pass(network_, ModelInput{parameters_, all}, {.sink = &head});
    EXPECT_EQ(network_.owners_of_embedded(), 1U);
  }
  test::CollectedGradients everything(parameters_);
  Pass pass(network_, ModelInput{parameters_, all}, {.sink = &everything});
  EXPECT_GT(network_.owners_of_embedded(), 1U);
  pass.backward(batch_loss(pass.logits().front(), all.labels).logits_gradient);
  EXPECT_EQ(network_.owners_of_embedded(), 1U) << "the backward pass frees as it goes";
}

}  // namespace
}  // namespace tunescope
