#include "tunescope/plan/cost.hpp"

#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include "support/collected_gradients.hpp"
#include "support/counting_allocator.hpp"
#include "support/deberta_variant.hpp"
#include "support/small_config.hpp"
#include "tunescope/data/packed_batch.hpp"
#include "tunescope/fisher/squared_gradients.hpp"
#include "tunescope/model/pass.hpp"
#include "tunescope/model/roberta/roberta.hpp"
#include "tunescope/train/trainer.hpp"

namespace tunescope {
namespace {

Trial trial(const std::string& task, const std::string& method) {
  Trial result;
  result.task = task;
  result.method = parse_method(method);
  return result;
}

TEST(CostModel, PredictsFromTheNearestMeasuredTrials) {
  CostModel model;
  EXPECT_FALSE(model.seconds(trial("RTE", "full"), 100.0));
  model.add(trial("CoLA", "head"), {.flops = 10.0, .seconds = 10.0});
  EXPECT_DOUBLE_EQ(model.seconds(trial("RTE", "full"), 100.0).value(), 100.0);  // of all
  model.add(trial("CoLA", "full"), {.flops = 10.0, .seconds = 20.0});
  EXPECT_DOUBLE_EQ(model.seconds(trial("RTE", "full"), 100.0).value(), 200.0);  // of the method
  for (const double seconds : {30.0, 1000.0, 20.0}) {
    model.add(trial("RTE", "full"), {.flops = 10.0, .seconds = seconds});
  }
  EXPECT_DOUBLE_EQ(model.seconds(trial("RTE", "full"), 100.0).value(), 300.0);  // the median of its own
}

TEST(CostModel, PredictsFisherRunsFromTheirLikeOrFromTheTrainingThatTheyMeasure) {
  CostModel model;
  FisherRun run{.training = trial("RTE", "full"), .parameters = canonical_group("all"), .keep = {}};
  EXPECT_FALSE(model.seconds(run, 100.0));
  model.add(trial("RTE", "full"), {.flops = 10.0, .seconds = 20.0});
  EXPECT_DOUBLE_EQ(model.seconds(run, 100.0).value(), 200.0);
  FisherRun other = run;
  other.training.task = "CoLA";
  model.add(other, {.flops = 10.0, .seconds = 30.0});
  EXPECT_DOUBLE_EQ(model.seconds(run, 100.0).value(), 300.0);  // on another task
  model.add(run, {.flops = 10.0, .seconds = 40.0});
  EXPECT_DOUBLE_EQ(model.seconds(run, 100.0).value(), 400.0);
  run.precision = Precision::kBfloat16;
  EXPECT_DOUBLE_EQ(model.seconds(run, 100.0).value(), 200.0) << "in another precision";
  EXPECT_DOUBLE_EQ(model.seconds(trial("CoLA", "full"), 100.0).value(), 200.0) << "a trial";
}

TEST(CostModel, IgnoresTrialsWithoutTimeOrWork) {
  CostModel model;
  model.add(trial("RTE", "full"), {.flops = 0.0, .seconds = 1.0});
  model.add(trial("RTE", "full"), {.flops = 1.0, .seconds = 0.0});
  EXPECT_FALSE(model.seconds(trial("RTE", "full"), 100.0));
}

// Weights of a small model: of a layer's query, key and value, of the rest of it, of pooler and head.
constexpr double kProjection = 4 * 4;
constexpr double kRestOfLayer = 4 * 4 + 2 * 4 * 6;
constexpr double kAboveEncoder = 4 * 4 + 2 * 4;

// Two sequences of ten tokens in all.
TaskData small_data() {
  TaskData data;
  data.task = &glue_task("RTE");
  data.train.offsets = {0, 6, 10};
  return data;
}

// 2 floating-point operations a weight and token forward, 4 for each backward pass.
TEST(ExpectedFlops, OfAFisherRunAreThoseOfItsPassesOverItsExamples) {
  const double products = 2 * (3 * kProjection + kRestOfLayer) * 10 + kAboveEncoder * 2;
  FisherRun run{.training = trial("RTE", "full"), .examples = 0, .parameters = canonical_group("all"), .keep = {}};
  PassCosts costs(make_bert(test::small_config()));
  EXPECT_DOUBLE_EQ(expected_flops(run, costs, small_data()), 6 * products);
  run.examples = 1;
  EXPECT_DOUBLE_EQ(expected_flops(run, costs, small_data()), 6 * products / 2);
  run.mode = FisherMode::kTrue;
  EXPECT_DOUBLE_EQ(expected_flops(run, costs, small_data()), (2 + 2 * 4) * products / 2);
  run.mode = FisherMode::kHutchinson;
  run.draws = 3;
  EXPECT_DOUBLE_EQ(expected_flops(run, costs, small_data()), (2 + 3 * 4) * products / 2);
}

// Bottlenecks are measured in the same passes.
TEST(ExpectedFlops, OfAFisherRunHaveTheSmallProductsOfAdapters) {
  const double products = 2 * (3 * kProjection + kRestOfLayer) * 10 + kAboveEncoder * 2;
  const double matrix = 3 * 4;  // D, and U
  FisherRun run{
      .training = trial("RTE", "adapter:size=3"), .examples = 0, .parameters = canonical_group("all"), .keep = {}};
  PassCosts costs(make_bert(test::small_config()));
  EXPECT_DOUBLE_EQ(expected_flops(run, costs, small_data()), 6 * (products + 4 * 2 * matrix * 10));
}

// Of the last layer only the keys and values are all tokens'.
TEST(ExpectedFlops, OfATrialLeaveOutTheTokensThatTheHeadDoesNotRead) {
  const double first_layer = 3 * kProjection + kRestOfLayer;
  const double products = (first_layer + 2 * kProjection) * 10 + (kProjection + kRestOfLayer + kAboveEncoder) * 2;
  Trial whole = trial("RTE", "full");
  whole.options.epochs = 3;
  PassCosts costs(make_bert(test::small_config()));
  EXPECT_DOUBLE_EQ(expected_flops(whole, costs, small_data()), 3 * 6 * products);
}

// What 2 operations for each weight, row and pass give for a BERT whose lowest trained parameter is a LayerNorm, a bias
// or an embedding: all matrices above it have an input gradient.
double flops_by_formula(const std::string& method, const ParameterCatalogue& catalogue, const TaskData& data) {
  const Selection selection = select_parameters(parse_method(method), catalogue, {.seed = 1});
  double flops = 0.0;
  bool is_below_trained = false;
  for (ParameterIndex i = 0; i < catalogue.size(); ++i) {
    const ParameterInfo& info = catalogue[i];
    const bool is_trained = selection[i].kind != TensorSelection::Kind::kNone;
    is_below_trained = is_below_trained || is_trained;
    if (!info.is_matrix()) continue;
    const bool is_of_last_layer = info.layer == catalogue.encoder_layers();
    const bool is_for_all_tokens = info.block != Block::kPooler && !info.is_head() &&
                                   (!is_of_last_layer || info.component.find(".key.") != std::string::npos ||
                                    info.component.find(".value.") != std::string::npos);
    const auto rows = static_cast<double>(is_for_all_tokens ? data.train.token_count() : data.train.size());
    flops += 2 * rows * static_cast<double>(info.size()) * (1 + (is_below_trained ? 1 : 0) + (is_trained ? 1 : 0));
  }
  return flops;
}

TEST(ExpectedFlops, OfEachMethodAreThoseOfTheFormulaForBert) {
  PassCosts costs(make_bert(test::small_config()));
  for (const char* method : {"full", "layernorm", "layernorm-output", "layernorm-attention", "bitfit"}) {
    Trial one = trial("RTE", method);
    one.options.epochs = 1;
    EXPECT_DOUBLE_EQ(expected_flops(one, costs, small_data()),
                     flops_by_formula(method, costs.catalogue(2), small_data()))
        << method;
  }
}

// The products with A and B: two forward, and four backward but in the first layer, whose input needs no gradient.
TEST(ExpectedFlops, OfLoraHaveItsSmallProducts) {
  const double projections = 3 * kProjection * 10;  // of the first layer
  const double products =
      projections + (kRestOfLayer + 2 * kProjection) * 10 + (kProjection + kRestOfLayer + kAboveEncoder) * 2;
  const double matrix = 3 * 4;  // A, and B
  const double first_rows = 10 + 10;
  const double last_rows = 2 + 10;  // queries are those of the tokens that the head reads
  const double added = 2 * matrix * (first_rows + last_rows) + matrix * (3 * first_rows + 4 * last_rows);
  Trial one = trial("RTE", "lora:rank=3");
  one.options.epochs = 1;
  PassCosts costs(make_bert(test::small_config()));
  EXPECT_DOUBLE_EQ(expected_flops(one, costs, small_data()), 2 * (2 * products - projections + (2 * 4) * 2 + added));
  EXPECT_GT(costs.training_bytes(one.method, 2, {5}, std::nullopt),
            costs.training_bytes(parse_method("head"), 2, {5}, std::nullopt));
}

// The products with D and U: two forward, and four backward but in the lowest, whose input needs no gradient. Nothing
// below it has one.
TEST(ExpectedFlops, OfAdaptersHaveTheirSmallProducts) {
  const double below = (3 + 1) * kProjection * 10;  // attention of the first layer
  const double products =
      (3 * kProjection + kRestOfLayer) * 10 + 2 * kProjection * 10 + (kProjection + kRestOfLayer + kAboveEncoder) * 2;
  const double matrix = 3 * 4;  // D, and U
  const double rows = 10 + 10 + 2 + 2;
  const double added = 6 * matrix * rows - matrix * 10;
  Trial one = trial("RTE", "adapter:size=3");
  one.options.epochs = 1;
  PassCosts costs(make_bert(test::small_config()));
  EXPECT_DOUBLE_EQ(expected_flops(one, costs, small_data()), 2 * (2 * products - below + (2 * 4) * 2 + added));
  EXPECT_GT(costs.training_bytes(one.method, 2, {5}, std::nullopt),
            costs.training_bytes(parse_method("lora:rank=3"), 2, {5}, std::nullopt));
}

// Nothing has a gradient below the head.
TEST(ExpectedFlops, OfTheHeadHaveOneProductBackward) {
  PassCosts costs(make_bert(test::small_config()));
  Trial head = trial("RTE", "head");
  head.options.epochs = 1;
  const PassFlops forward =
      costs.flops(std::vector<bool>(costs.catalogue(2).size()), 2, LastLayer::kPooledTokens, {10, 2});
  EXPECT_EQ(forward.backward, 0.0);
  EXPECT_DOUBLE_EQ(expected_flops(head, costs, small_data()), forward.forward + 2 * (2 * 4) * 2);
}

// A forward pass must run on the meta device, which not all of ATen's operations do.
TEST(ExpectedFlops, OfRobertaAreThoseOfItsProducts) {
  PassCosts costs(make_roberta({.encoder = test::small_config(), .pad_token_id = 0}));
  Trial head = trial("RTE", "head");
  head.options.epochs = 1;
  const double products = (2 * (3 * kProjection + kRestOfLayer) - kProjection - kRestOfLayer) * 10 +
                          (kProjection + kRestOfLayer + kAboveEncoder) * 2;
  // Of the head's two layers, only the upper one has an input gradient.
  EXPECT_DOUBLE_EQ(expected_flops(head, costs, small_data()), 2 * products + 2 * kAboveEncoder * 2 + 2 * 2 * 4 * 2);
}

class DebertaFlops : public ::testing::TestWithParam<nlohmann::json> {};

// The rows of distances are counted for each batch in training, and for each group in Fisher runs. With buckets, far
// distances share a row.
TEST_P(DebertaFlops, AreThoseOfThePasses) {
  const auto network = test::read_changed(GetParam());
  PassCosts costs(network);
  const ParameterCatalogue& catalogue = costs.catalogue(2);
  Parameters parameters;
  for (const ParameterInfo& info : catalogue.parameters()) parameters.push_back(at::randn(info.shape));
  TaskData data = small_data();
  data.train.token_ids.assign(10, 5);
  data.train.type_ids.assign(10, 0);
  data.train.labels = {0, 1};
  const PackedBatch batch = pack(data.train, std::vector<std::int64_t>{0, 1}, false);
  const auto flops_of = [&](GradientSink& sink, LastLayer last_layer) {
    Pass pass(*network, ModelInput{parameters, batch}, {.sink = &sink, .last_layer = last_layer});
    pass.backward(at::randn({2, 2}));
    return pass.flops().forward + pass.flops().backward;
  };
  Trial whole = trial("RTE", "full");
  whole.options.epochs = 1;
  test::CollectedGradients sink(parameters);
  const double of_step = flops_of(sink, LastLayer::kPooledTokens);
  EXPECT_NEAR(expected_flops(whole, costs, data), of_step, 1e-6 * of_step);
  FisherRun run{.training = whole, .examples = 0, .parameters = canonical_group("all"), .keep = {}};
  for (const std::int64_t batch_size : {1, 2}) {
    run.batch_size = batch_size;
    SquaredGradients squares(catalogue, std::vector<bool>(catalogue.size(), true), at::kCPU, batch_size);
    EXPECT_DOUBLE_EQ(expected_flops(run, costs, data), flops_of(squares, LastLayer::kAllTokens)) << batch_size;
  }
}

INSTANTIATE_TEST_SUITE_P(Buckets, DebertaFlops,
                         ::testing::Values(nlohmann::json::object(), nlohmann::json{{"position_buckets", 4}},
                                           nlohmann::json{{"position_buckets", -1}, {"max_relative_positions", 4}}));

class ExpectedBytes : public ::testing::TestWithParam<std::string> {};

// Training allocates what was expected, as the CPU's allocator counts it; each thread takes some scratch memory
// besides.
TEST_P(ExpectedBytes, AreThoseThatTrainingTakes) {
  BertConfig config;
  config.vocab_size = 300;
  config.hidden_size = 96;
  config.num_hidden_layers = 4;
  config.num_attention_heads = 4;
  config.intermediate_size = 384;
  config.max_position_embeddings = 128;
  PretrainedModel model{.network = make_bert(config), .backbone = {}, .notes = {}};
  PassCosts costs(model.network);
  const ParameterCatalogue& catalogue = costs.catalogue(2);
  for (ParameterIndex i = 0; i < catalogue.backbone_count(); ++i) {
    model.backbone.push_back(at::randn(catalogue[i].shape).mul_(0.05));
  }
  TaskData data;
  data.task = &glue_task("RTE");
  for (const std::int64_t length : {100, 7, 64, 128, 90, 33, 128, 111}) {
    data.train.token_ids.insert(data.train.token_ids.end(), static_cast<std::size_t>(length), 5);
    data.train.type_ids.resize(data.train.token_ids.size(), 0);
    data.train.offsets.push_back(static_cast<std::int64_t>(data.train.token_ids.size()));
    data.train.labels.push_back(static_cast<float>(length % 2));
  }
  data.dev = subsample(data.train, 1);
  Trial trained = trial("RTE", GetParam());
  trained.options.batch_size = data.train.size();
  trained.options.epochs = 2;
  const test::CountingAllocator memory;
  train({.model = model,
         .catalogue = catalogue,
         .data = data,
         .method = trained.method,
         .learning_rate = 1e-4,
         .seed = 1,
         .options = trained.options},
        {});
  const double expected = expected_added_bytes(trained, costs, data);
  RecordProperty("ratio", std::to_string(static_cast<double>(memory.peak_bytes()) / expected));
  EXPECT_NEAR(expected, static_cast<double>(memory.peak_bytes()), 0.05 * expected);
}

INSTANTIATE_TEST_SUITE_P(Methods, ExpectedBytes,
                         ::testing::Values("full", "head", "layernorm", "layernorm-attention", "bitfit",
                                           "random:pool=full,fraction=0.01"));

}  // namespace
}  // namespace tunescope
