#include "tunescope/model/export/peft_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

#include "support/additions_case.hpp"
#include "support/temporary_folder.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/text/text_file.hpp"

namespace tunescope {
namespace {

using ::testing::HasSubstr;

// What PEFT computes of a folder for one layer: the weight, as [out, in], with what is added merged into it. Source:
// peft.tuners.lora and peft.tuners.ia3, merge.
class WrittenFolder {
 public:
  explicit WrittenFolder(const std::filesystem::path& folder)
      : config(nlohmann::json::parse(read_text(folder / "adapter_config.json"))),
        tensors(Safetensors::open_file(folder / "adapter_model.safetensors")) {}

  at::Tensor merged(const std::string& module, const at::Tensor& weight) const {
    const std::string name = "base_model.model." + module;
    if (tensors.has(name + ".ia3_l")) return weight.mul(tensors.tensor(name + ".ia3_l"));
    if (!tensors.has(name + ".lora_A.weight")) return weight;
    const bool is_other = config["rank_pattern"].contains(module);
    const double rank = is_other ? config["rank_pattern"][module] : config["r"];
    const double alpha = is_other ? config["alpha_pattern"][module] : config["lora_alpha"];
    const double scale = alpha / (config["use_rslora"] ? std::sqrt(rank) : rank);
    return weight.add(tensors.tensor(name + ".lora_B.weight").mm(tensors.tensor(name + ".lora_A.weight")), scale);
  }

  nlohmann::json config;
  Safetensors tensors;
};

class PeftFolders : public ::testing::TestWithParam<const char*>, protected test::AdditionsCase {
 protected:
  PeftFolders() : AdditionsCase(GetParam()) {}

  ExportedModel exported(const Additions& additions, const Parameters& parameters) const {
    return {.pretrained = golden.model,
            .source = test::golden(std::string("model/") + GetParam()),
            .additions = additions,
            .parameters = parameters,
            .labels = {"a", "b", "c"}};
  }
  WrittenFolder written(const Additions& additions, const Parameters& parameters) const {
    write_peft_folder(exported(additions, parameters), folder_.path() / "adapter");
    return WrittenFolder(folder_.path() / "adapter");
  }
  void expect_weights_of_merged(const WrittenFolder& found, const Additions& additions,
                                const Parameters& parameters) const {
    const Parameters merged = additions.merged(parameters);
    for (ParameterIndex i = 0; i < golden.catalogue.size(); ++i) {
      const ParameterInfo& info = golden.catalogue[i];
      if (!info.is_matrix()) continue;
      const auto out_in = [&](const at::Tensor& weight) {
        return info.layout == WeightLayout::kInOut ? weight.t() : weight;
      };
      const std::string module = info.name.substr(0, info.name.rfind('.'));
      EXPECT_TRUE(found.merged(module, out_in(parameters[i])).allclose(out_in(merged[i]), 1e-5, 1e-5)) << module;
    }
  }
  std::string problem(const Additions& additions) const {
    return peft_folder_problem(exported(additions, added_parameters(additions, true)));
  }
  Additions with_low_rank(bool is_rank_stabilized) const {
    Additions additions(golden.catalogue);
    for (const char* role : {"query", "value", "output"}) {
      for (const LinearTarget& target : linear_targets(golden.catalogue, role)) {
        additions.add_low_rank(target, {.rank = 2, .scale = 1.5, .is_rank_stabilized = is_rank_stabilized});
      }
    }
    return additions;
  }
  Additions with_vectors() const {
    Additions additions(golden.catalogue);
    for (const char* role : {"key", "value"}) {
      for (const LinearTarget& target : linear_targets(golden.catalogue, role)) additions.rescale_outputs(target);
    }
    for (const LinearTarget& target : linear_targets(golden.catalogue, "output")) additions.rescale_inputs(target);
    return additions;
  }

  test::TemporaryFolder folder_;
};

TEST_P(PeftFolders, HaveTheMatricesOfLora) {
  for (const bool is_rank_stabilized : {false, true}) {
    const Additions additions = with_low_rank(is_rank_stabilized);
    const Parameters parameters = added_parameters(additions, true);
    const WrittenFolder found = written(additions, parameters);
    EXPECT_EQ(found.config["peft_type"], "LORA");
    expect_weights_of_merged(found, additions, parameters);
    std::filesystem::remove_all(folder_.path() / "adapter");
  }
}

TEST_P(PeftFolders, HaveTheVectorsOfIa3) {
  const Additions additions = with_vectors();
  const Parameters parameters = added_parameters(additions, true);
  const WrittenFolder found = written(additions, parameters);
  EXPECT_EQ(found.config["peft_type"], "IA3");
  EXPECT_FALSE(found.config["feedforward_modules"].empty());
  expect_weights_of_merged(found, additions, parameters);
}

TEST_P(PeftFolders, HaveTrainedLayerNormsWhole) {
  const Additions none(golden.catalogue);
  Parameters parameters = golden.parameters;
  std::size_t trained = 0;
  for (ParameterIndex i = 0; i < golden.catalogue.size(); ++i) {
    if (golden.catalogue[i].follows != Follows::kFeedForward || golden.catalogue[i].is_bias) continue;
    parameters[i] = parameters[i].add(0.5);
    ++trained;
  }
  const WrittenFolder found = written(none, parameters);
  EXPECT_EQ(found.config["peft_type"], "LN_TUNING");
  ASSERT_EQ(found.config["target_modules"].size(), trained);
  for (const std::string module : found.config["target_modules"]) {
    EXPECT_TRUE(found.tensors.has("base_model.model." + module + ".ln_tuning_layers.weight"));
    EXPECT_TRUE(found.tensors.has("base_model.model." + module + ".ln_tuning_layers.bias")) << "PEFT copies both";
  }
}

TEST_P(PeftFolders, AreNotWrittenOfWhatPeftHasNoMethodFor) {
  EXPECT_THAT(problem(test::every_addition(golden.catalogue)), HasSubstr("a folder of PEFT holds one method"));
  EXPECT_THAT(problem(Additions(golden.catalogue)), HasSubstr("trains the head alone"));
  Additions bottlenecks(golden.catalogue);
  test::add_bottlenecks(bottlenecks);
  EXPECT_THAT(problem(bottlenecks), HasSubstr("adds layers that PEFT does not have"));
  const Additions none(golden.catalogue);
  Parameters parameters = golden.parameters;
  parameters.front() = parameters.front().clone();
  EXPECT_EQ(peft_folder_problem(exported(none, parameters)),
            "trains " + golden.catalogue[0].name + ", and PEFT has methods for LayerNorm, LoRA and IA3 alone");
}

TEST_P(PeftFolders, DoNotReplaceOthers) {
  const Additions additions = with_vectors();
  const Parameters parameters = added_parameters(additions, true);
  folder_.write("adapter/notes.txt", "mine");
  EXPECT_THROW(write_peft_folder(exported(additions, parameters), folder_.path() / "adapter"), ConfigError);
  EXPECT_EQ(test::read_bytes(folder_.path() / "adapter" / "notes.txt"), "mine");
}

INSTANTIATE_TEST_SUITE_P(Of, PeftFolders, test::architecture_goldens(), test::name_of_golden);

}  // namespace
}  // namespace tunescope
