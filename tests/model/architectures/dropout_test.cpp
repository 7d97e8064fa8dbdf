#include <ATen/ops/stack.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/architecture_goldens.hpp"
#include "support/golden_batch.hpp"
#include "support/moments.hpp"
#include "support/temporary_folder.hpp"
#include "tunescope/model/pass.hpp"
#include "tunescope/random/stream.hpp"

// Each probability of a config.json, alone, does to the logits what it does in transformers: means and variances over
// many masks are compared.

namespace tunescope {
namespace {

constexpr std::size_t kModelsOfAPass = 8;
constexpr std::int64_t kMasks = 800;  // unless TUNESCOPE_DROPOUT_DRAWS says how many

struct ProbabilityCase {
  const char* golden;
  const char* key;
};

class ArchitectureDropout : public ::testing::TestWithParam<ProbabilityCase> {};

TEST_P(ArchitectureDropout, HasTheMomentsOfTransformers) {
  const auto& [name, key] = GetParam();
  const test::ArchitectureGolden golden(name);
  const test::TemporaryFolder folder;
  auto config = nlohmann::json::parse(test::read_bytes(test::golden(std::string("model/") + name + "/config.json")));
  config[key] = golden.expected.tensor("dropout.probability").to(at::kDouble).item<double>();
  const auto network = read_network(folder.write("config.json", config.dump())).network;
  const PackedBatch batch = test::golden_batch(golden.expected, golden.expected.tensor("labels"));
  const char* const wanted = std::getenv("TUNESCOPE_DROPOUT_DRAWS");
  const std::int64_t masks = wanted != nullptr ? std::atoll(wanted) : kMasks;
  std::vector<at::Tensor> draws;
  while (static_cast<std::int64_t>(draws.size()) < masks) {
    std::vector<ModelInput> inputs;
    for (std::size_t i = 0; i < kModelsOfAPass; ++i) {
      inputs.push_back({golden.parameters, batch, random_key(1, RandomUse::kDropout, draws.size() + i)});
    }
    const Pass pass(*network, inputs);
    for (const at::Tensor& logits : pass.logits()) draws.push_back(logits.reshape({-1}).to(at::kCPU, at::kDouble));
  }
  std::vector<std::string> names;
  for (std::int64_t i = 0; i < draws.front().numel(); ++i) names.push_back("logit " + std::to_string(i));
  const double golden_draws = golden.expected.tensor("dropout.draws").to(at::kDouble).item<double>();
  const at::Tensor moments = golden.expected.tensor(std::string("dropout.") + key);
  test::expect_alike(test::describe(at::stack(draws)), test::stored_sample(moments, golden_draws), names);
}

INSTANTIATE_TEST_SUITE_P(
    Keys, ArchitectureDropout,
    ::testing::Values(
        ProbabilityCase{"roberta", "hidden_dropout_prob"}, ProbabilityCase{"roberta", "attention_probs_dropout_prob"},
        ProbabilityCase{"roberta", "classifier_dropout"}, ProbabilityCase{"electra", "hidden_dropout_prob"},
        ProbabilityCase{"electra", "attention_probs_dropout_prob"}, ProbabilityCase{"electra", "classifier_dropout"},
        ProbabilityCase{"distilbert", "dropout"}, ProbabilityCase{"distilbert", "attention_dropout"},
        ProbabilityCase{"distilbert", "seq_classif_dropout"}, ProbabilityCase{"gpt2", "embd_pdrop"},
        ProbabilityCase{"gpt2", "attn_pdrop"}, ProbabilityCase{"gpt2", "resid_pdrop"},
        ProbabilityCase{"deberta", "hidden_dropout_prob"}, ProbabilityCase{"deberta", "attention_probs_dropout_prob"},
        ProbabilityCase{"deberta", "pooler_dropout"}, ProbabilityCase{"deberta", "cls_dropout"},
        ProbabilityCase{"deberta-convolution", "hidden_dropout_prob"}),
    [](const auto& info) { return test::without_hyphens(std::string(info.param.golden) + "_" + info.param.key); });

}  // namespace
}  // namespace tunescope
