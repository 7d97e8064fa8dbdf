#include <ATen/ops/zeros_like.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "support/catalogue_lookup.hpp"
#include "support/collected_gradients.hpp"
#include "support/fisher_case.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/data/packed_batch.hpp"
#include "tunescope/device/libtorch_settings.hpp"
#include "tunescope/kernels/forced_kernels.hpp"
#include "tunescope/method/method.hpp"
#include "tunescope/model/pass.hpp"
#include "tunescope/random/stream.hpp"

namespace tunescope {
namespace {

using test::FisherCase;
using test::is_zero_in_theory;
using test::relative_l2;

void expect_golden(const FisherCase& subject, const FisherInputs& inputs, const std::string& prefix,
                   double tolerance = 1e-4) {
  const std::vector<at::Tensor> diagonal = FisherCase::diagonal(inputs);
  std::size_t compared = 0;
  for (ParameterIndex i = 0; i < subject.catalogue.size(); ++i) {
    const std::string& name = subject.catalogue[i].name;
    if (!subject.golden_file.has(prefix + name)) continue;
    ++compared;
    if (is_zero_in_theory(subject.catalogue[i])) {
      EXPECT_LT(diagonal[i].max().item<double>(), 0.1 * tolerance * tolerance) << name;  // a gradient's error, squared
    } else {
      EXPECT_LT(relative_l2(diagonal[i], subject.golden_file.tensor(prefix + name)), tolerance) << prefix << name;
    }
  }
  EXPECT_GE(compared, 4U);
}

TEST(FisherDiagonal, EmpiricalEqualsABatchOfOneAutogradLoopInFloat64) {
  const FisherCase subject;
  expect_golden(subject, subject.inputs(FisherMode::kEmpirical), "empirical.");
}

TEST(FisherDiagonal, TrueIsTheExactExpectationOverTheClasses) {
  const FisherCase subject;
  expect_golden(subject, subject.inputs(FisherMode::kTrue), "true.");
}

TEST(FisherDiagonal, RegressionIsAUnitVarianceGaussian) {
  const FisherCase subject(true);
  expect_golden(subject, subject.inputs(FisherMode::kEmpirical), "regression.empirical.");
  expect_golden(subject, subject.inputs(FisherMode::kTrue), "regression.true.");
}

// The signs come from a second implementation of the random numbers, the square root from LAPACK.
TEST(FisherDiagonal, HutchinsonSquaresARandomMixtureOfTheLabelsGradients) {
  const FisherCase subject;
  FisherInputs inputs = subject.inputs(FisherMode::kHutchinson);
  inputs.seed = 4;
  inputs.draws = 2;
  expect_golden(subject, inputs, "hutchinson.");
}

TEST(FisherDiagonal, LargerBatchesGiveTheMeanSquareOfMeanGradients) {
  const FisherCase subject;
  FisherInputs inputs = subject.inputs();
  inputs.batch_size = 3;
  expect_golden(subject, inputs, "batch3.");
}

TEST(FisherDiagonal, InBfloat16HasTwoDigits) {
  const FisherCase subject;
  const Bfloat16Weights weights(subject.model);
  FisherInputs inputs = subject.inputs();
  inputs.bfloat16_weights = &weights;
  expect_golden(subject, inputs, "empirical.", 0.05);
  inputs.batch_size = 3;
  expect_golden(subject, inputs, "batch3.", 0.05);
  inputs.batch_size = 1;
  const ParameterIndex weight = test::index_of(subject.catalogue, "bert.encoder.layer.0.output.dense.weight");
  EXPECT_GT(relative_l2(FisherCase::diagonal(inputs)[weight], FisherCase::diagonal(subject.inputs())[weight]), 1e-3);
}

// Kernels for GPUs alone, Tunescope's and LibTorch's, take it into account.
TEST(FisherDiagonal, InTf32HasThreeDigits) {
  const Tf32Products products(true);
  const FisherCase subject;
  expect_golden(subject, subject.inputs(), "empirical.", 0.01);
}

// As on a device without kernels of its own.
TEST(FisherDiagonal, IsThatOfTheReferenceKernels) {
  const FisherCase subject;
  for (const std::int64_t batch_size : {1, 3}) {
    FisherInputs inputs = subject.inputs(FisherMode::kTrue);
    inputs.batch_size = batch_size;
    const std::vector<at::Tensor> expected = FisherCase::diagonal(inputs);
    const ForcedKernels reference(KernelBackend::kReference);
    const std::vector<at::Tensor> found = FisherCase::diagonal(inputs);
    for (ParameterIndex i = 0; i < found.size(); ++i) {
      if (is_zero_in_theory(subject.catalogue[i])) continue;
      EXPECT_LT(relative_l2(found[i], expected[i]), 1e-5) << subject.catalogue[i].name;
    }
  }
}

TEST(FisherDiagonal, WrongVariantsDiffer) {
  const FisherCase subject;
  const std::vector<at::Tensor> diagonal = FisherCase::diagonal(subject.inputs());
  for (ParameterIndex i = 0; i < subject.catalogue.size(); ++i) {
    for (const std::string variant : {"batch3.", "per_token."}) {
      const std::string name = variant + subject.catalogue[i].name;
      if (!subject.golden_file.has(name) || is_zero_in_theory(subject.catalogue[i])) continue;
      EXPECT_GT(relative_l2(diagonal[i], subject.golden_file.tensor(name)), 0.1) << name;
    }
  }
}

// In float64 with our own passes over single examples: tight enough to see a lost or doubled example.
TEST(FisherDiagonal, EqualsSquaredGradientsOfSingleExamplesInFloat64) {
  FisherCase subject;
  for (at::Tensor& parameter : subject.parameters) parameter = parameter.to(at::kDouble);
  const FisherInputs inputs = subject.inputs();
  std::vector<at::Tensor> expected;
  for (const at::Tensor& parameter : subject.parameters) expected.push_back(at::zeros_like(parameter));
  for (std::int64_t example = 0; example < subject.dataset.size(); ++example) {
    const PackedBatch batch = pack(subject.dataset, std::vector{example}, false);
    test::CollectedGradients single(subject.parameters);
    Pass pass(*subject.model.network, ModelInput{subject.parameters, batch}, {.sink = &single});
    pass.backward(log_likelihood_gradients(FisherMode::kEmpirical, pass, batch, 0, 1).front());
    for (std::size_t i = 0; i < expected.size(); ++i) expected[i].addcmul_(single.gradients[i], single.gradients[i]);
  }
  const std::vector<at::Tensor> sums = sum_squared_gradients(inputs, {}).sums;
  for (ParameterIndex i = 0; i < sums.size(); ++i) {
    if (is_zero_in_theory(subject.catalogue[i])) continue;
    EXPECT_LT(relative_l2(sums[i], expected[i]), 1e-12) << subject.catalogue[i].name;
  }
}

double log_probability(const FisherCase& subject, std::int64_t example) {
  const PackedBatch batch = pack(subject.dataset, std::vector{example}, false);
  const at::Tensor logits = evaluate_logits(*subject.model.network, {subject.parameters, batch});
  return logits.log_softmax(1)[0][batch.labels[0].item<std::int64_t>()].item<double>();
}

TEST(FisherDiagonal, EqualsFiniteDifferencesOfTheLogLikelihood) {
  FisherCase subject;
  for (at::Tensor& parameter : subject.parameters) parameter = parameter.to(at::kDouble);
  const std::vector<at::Tensor> diagonal = FisherCase::diagonal(subject.inputs());
  constexpr double kStep = 1e-6;
  for (ParameterIndex i = 0; i < subject.catalogue.size(); i += 5) {
    subject.parameters[i] = subject.parameters[i].clone();
    const std::int64_t scalar = diagonal[i].argmax().item<std::int64_t>();
    const at::Tensor value = subject.parameters[i].view(-1)[scalar];
    const double original = value.item<double>();
    double sum = 0.0;
    for (std::int64_t example = 0; example < subject.dataset.size(); ++example) {
      value.fill_(original + kStep);
      const double above = log_probability(subject, example);
      value.fill_(original - kStep);
      const double below = log_probability(subject, example);
      value.fill_(original);
      sum += std::pow((above - below) / (2.0 * kStep), 2);
    }
    const double expected = sum / static_cast<double>(subject.dataset.size());
    EXPECT_NEAR(diagonal[i].view(-1)[scalar].item<double>(), expected, 1e-6 * expected + 1e-12)
        << subject.catalogue[i].name;
  }
}

// What the head reads.
class HeadInput final : public GradientSink {
 public:
  explicit HeadInput(ParameterIndex weight) : weight_(weight) {}

  bool needs_gradient(std::size_t, ParameterIndex parameter) const override { return parameter == weight_; }
  void on_linear(std::span<const LinearParameters>, std::span<const LinearFactors>) override {}
  void on_layer_norm(const LayerNormParameters&, std::span<const LayerNormFactors>) override {}
  void on_embedding(ParameterIndex, std::span<const EmbeddingFactors>) override {}
  void on_head(const LinearParameters&, const HeadFactors& use) override { features = use.input; }
  void on_added(std::span<const AddedFactors>) override {}

  at::Tensor features;

 private:
  ParameterIndex weight_;
};

// For softmax regression on features h: E_y (∂ log p(y|h) / ∂W_cj)² = p_c (1 − p_c) h_j².
TEST(FisherDiagonal, OfTheHeadIsTheClosedFormOfSoftmaxRegression) {
  const FisherCase subject;
  std::vector<std::int64_t> all(static_cast<std::size_t>(subject.dataset.size()));
  std::iota(all.begin(), all.end(), 0);
  const PackedBatch batch = pack(subject.dataset, all, false);
  HeadInput head_input(test::index_of(subject.catalogue, "classifier.weight"));
  Pass pass(*subject.model.network, ModelInput{subject.parameters, batch}, {.sink = &head_input});
  pass.backward(pass.logits().front());
  const at::Tensor p = pass.logits().front().softmax(1);
  const at::Tensor expected = p.mul(p.neg().add(1)).t().mm(head_input.features.square()).div(subject.dataset.size());
  const std::vector<at::Tensor> diagonal = FisherCase::diagonal(subject.inputs(FisherMode::kTrue));
  EXPECT_LT(relative_l2(diagonal[test::index_of(subject.catalogue, "classifier.weight")], expected), 1e-5);
}

TEST(FisherDiagonal, OfSampledLabelsTendsToTheExactExpectation) {
  const FisherCase subject;
  const std::vector<at::Tensor> exact = FisherCase::diagonal(subject.inputs(FisherMode::kTrue));
  const ParameterIndex head = test::index_of(subject.catalogue, "classifier.weight");
  at::Tensor mean = at::zeros_like(exact[head]);
  constexpr int kDraws = 300;
  for (int draw = 0; draw < kDraws; ++draw) {
    FisherInputs inputs = subject.inputs(FisherMode::kSampled);
    inputs.seed = static_cast<std::uint64_t>(draw);
    inputs.needs_gradient.assign(subject.catalogue.size(), false);
    inputs.needs_gradient[head] = true;
    mean.add_(FisherCase::diagonal(inputs)[head], 1.0 / kDraws);
  }
  EXPECT_LT(relative_l2(mean, exact[head]), 0.15);
  EXPECT_GT(relative_l2(mean, FisherCase::diagonal(subject.inputs())[head]), 0.3);
}

TEST(FisherDiagonal, MeasuresOnlyWhatIsWanted) {
  const FisherCase subject;
  FisherInputs inputs = subject.inputs();
  const std::vector<at::Tensor> all = FisherCase::diagonal(inputs);
  inputs.needs_gradient = group_members("layernorm", subject.catalogue);
  const std::vector<at::Tensor> some = FisherCase::diagonal(inputs);
  for (ParameterIndex i = 0; i < some.size(); ++i) {
    ASSERT_EQ(some[i].defined(), subject.catalogue[i].is_layer_norm()) << subject.catalogue[i].name;
    if (!some[i].defined()) continue;
    EXPECT_TRUE(some[i].equal(all[i])) << subject.catalogue[i].name;
  }
}

TEST(FisherDiagonal, ShardsAddUpToTheWhole) {
  FisherCase subject;
  subject.dataset = test::repeat(subject.dataset, 100);  // several micro-batches
  FisherInputs inputs = subject.inputs(FisherMode::kHutchinson);
  const std::vector<at::Tensor> whole = sum_squared_gradients(inputs, {}).sums;
  std::vector<at::Tensor> added = sum_squared_gradients(inputs, {.rank = 0, .ranks = 3}).sums;
  for (const int rank : {1, 2}) {
    const std::vector<at::Tensor> part = sum_squared_gradients(inputs, {.rank = rank, .ranks = 3}).sums;
    for (std::size_t i = 0; i < added.size(); ++i) added[i].add_(part[i]);
  }
  for (std::size_t i = 0; i < added.size(); ++i) EXPECT_LE(relative_l2(added[i], whole[i]), 1e-12);
}

TEST(FisherDiagonal, ShardResumedAtAnyMicroBatchIsTheSameBitForBit) {
  FisherCase subject;
  subject.dataset = test::repeat(subject.dataset, 100);
  FisherInputs inputs = subject.inputs(FisherMode::kHutchinson);
  inputs.draws = 2;
  const Shard shard{.rank = 1, .ranks = 2};
  const FisherState whole = sum_squared_gradients(inputs, shard);
  ASSERT_GE(whole.micro_batches, 3);
  for (const std::int64_t cut : {std::int64_t{0}, std::int64_t{1}, whole.micro_batches - 1}) {
    FisherState saved;
    std::int64_t done = 0;
    const auto save = [&](const FisherState& state) {
      saved = state;
      for (at::Tensor& sum : saved.sums) sum = sum.clone();
      saved.depth_sums = saved.depth_sums.clone();
    };
    const FisherState stopped = sum_squared_gradients(
        inputs, shard,
        {.on_progress = [&](std::int64_t batches, std::int64_t) { done = batches; },
         .next_action = [&] { return done == cut ? NextAction::kSaveAndStop : NextAction::kContinue; },
         .save = save});
    EXPECT_EQ(stopped.micro_batches, cut);
    EXPECT_FALSE(stopped.depth_sums.equal(whole.depth_sums));
    const FisherState resumed = sum_squared_gradients(inputs, shard, {.load = [&] { return saved; }});
    ASSERT_EQ(resumed.micro_batches, whole.micro_batches);
    for (std::size_t i = 0; i < whole.sums.size(); ++i) EXPECT_TRUE(resumed.sums[i].equal(whole.sums[i])) << cut;
    EXPECT_TRUE(resumed.depth_sums.equal(whole.depth_sums)) << cut;
  }
}

TEST(FisherDiagonal, NamesExampleAndTensorOfAGradientThatIsNotFinite) {
  FisherCase subject;
  const ParameterIndex table = test::index_of(subject.catalogue, "bert.embeddings.position_embeddings.weight");
  subject.parameters[table] = subject.parameters[table].clone();
  subject.parameters[table][40].fill_(std::numeric_limits<float>::infinity());  // only the third example is as long
  try {
    FisherCase::diagonal(subject.inputs());
    FAIL() << "expected a NumericalError";
  } catch (const NumericalError& error) {
    EXPECT_NE(std::string(error.what()).find("example 2 "), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find(".weight is not finite"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace tunescope
