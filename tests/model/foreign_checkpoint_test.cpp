#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "support/catalogue_lookup.hpp"
#include "support/tiny_file.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/model/pretrained.hpp"

namespace tunescope {
namespace {

using test::message_of;
using test::TinyFile;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr const char* kPoolerWeight = "bert.pooler.dense.weight";
constexpr const char* kPoolerBias = "bert.pooler.dense.bias";

bool are_equal(const at::Tensor& one, const at::Tensor& other) { return one.equal(other); }

// The golden model as other tools might have saved it.
class ForeignCheckpoint : public ::testing::Test {
 protected:
  PretrainedModel load_changed(const std::function<void(TinyFile&)>& change) const {
    TinyFile file = TinyFile::read();
    change(file);
    folder_.write("config.json", test::read_bytes(test::tiny_folder() / "config.json"));
    folder_.write("model.safetensors", file.bytes());
    return load_pretrained(folder_.path());
  }
  std::string refusal(const std::function<void(TinyFile&)>& change) const {
    return message_of<ModelError>([&] { load_changed(change); });
  }
  // The refusal of a folder that has a file in the place of model.safetensors.
  std::string refusal_of_folder_with(const std::string& file, const std::string& content = "") const {
    const test::TemporaryFolder folder;
    folder.write("config.json", test::read_bytes(test::tiny_folder() / "config.json"));
    folder.write(file, content);
    return message_of<ModelError>([&] { load_pretrained(folder.path()); });
  }
  void expect_golden_backbone(const PretrainedModel& model) const {
    const PretrainedModel golden = load_pretrained(test::tiny_folder());
    ASSERT_EQ(model.backbone.size(), golden.backbone.size());
    for (std::size_t i = 0; i < golden.backbone.size(); ++i) {
      EXPECT_TRUE(are_equal(model.backbone[i], golden.backbone[i])) << "tensor " << i;
    }
  }

  test::TemporaryFolder folder_;
};

void remove_pooler(TinyFile& file) {
  file.header.erase(kPoolerWeight);
  file.header.erase(kPoolerBias);
}

TEST_F(ForeignCheckpoint, AnOrdinaryOneHasNoNotes) {
  const PretrainedModel model = load_changed([](TinyFile&) {});
  EXPECT_THAT(model.notes.warnings, IsEmpty());
  EXPECT_TRUE(model.has_pooler);
}

TEST_F(ForeignCheckpoint, LosesThePrefixesOfWhatTheModelWasWrappedIn) {
  for (const char* prefix : {"module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module.", "model.",
                             "0.auto_model.", "_fsdp_wrapped_module.", "base_model.model."}) {
    SCOPED_TRACE(prefix);
    expect_golden_backbone(
        load_changed([&](TinyFile& file) { file.rename([&](const std::string& name) { return prefix + name; }); }));
    expect_golden_backbone(load_changed([&](TinyFile& file) {
      file.rename([&](const std::string& name) { return prefix + name.substr(name.starts_with("bert.") ? 5 : 0); });
    }));
  }
}

TEST_F(ForeignCheckpoint, LosesTheNamesOfWrappersInsideTheModel) {
  expect_golden_backbone(load_changed([](TinyFile& file) {
    file.rename([](const std::string& name) {
      constexpr std::string_view kLayer = "bert.encoder.layer.1.";
      if (!name.starts_with(kLayer)) return name;
      return std::string(kLayer) + "_checkpoint_wrapped_module." + name.substr(kLayer.size());
    });
  }));
}

TEST_F(ForeignCheckpoint, LeavesOutHeadsOfEveryKindAndNamesThem) {
  const PretrainedModel model = load_changed([](TinyFile& file) {
    file.rename([](const std::string& name) {
      return name.starts_with("classifier.") ? "qa_outputs" + name.substr(10) : name;
    });
    const nlohmann::json entry = file.header.at(kPoolerBias);
    for (const char* name : {"cls.predictions.bias", "cls.predictions.decoder.bias", "crf.transitions"}) {
      file.header[name] = entry;
    }
  });
  expect_golden_backbone(model);
  EXPECT_THAT(model.notes.notes, Contains("left out: cls.predictions.* (2 tensors), crf.transitions, qa_outputs.* (2 "
                                          "tensors); each trial draws a head of its own"));
}

TEST_F(ForeignCheckpoint, WithAnEncoderUnderAnotherNameIsRefusedNamingIt) {
  const std::string message =
      refusal([](TinyFile& file) { file.rename([](const std::string& name) { return "question_" + name; }); });
  EXPECT_THAT(message, AllOf(HasSubstr("missing"), HasSubstr("'question_bert.'"), HasSubstr("rename")));
}

TEST_F(ForeignCheckpoint, WithAnAdapterIsRefusedNamingTheRemedy) {
  const std::string message = refusal([](TinyFile& file) {
    file.header["bert.encoder.layer.0.attention.self.query.lora_A.weight"] = file.header.at(kPoolerWeight);
  });
  EXPECT_THAT(message, AllOf(HasSubstr("lora_A"), HasSubstr("merge_and_unload")));
}

TEST_F(ForeignCheckpoint, OfWholeNumbersIsRefused) {
  for (const char* type : {"I32", "I8", "U8"}) {
    const std::string message =
        refusal([&](TinyFile& file) { file.replace(kPoolerBias, type, std::string(type[1] == '3' ? 128 : 32, '\1')); });
    EXPECT_THAT(message, AllOf(HasSubstr(kPoolerBias), HasSubstr(type), HasSubstr("quantized")));
  }
}

TEST_F(ForeignCheckpoint, MayHaveWholeNumbersInWhatIsLeftOut) {
  EXPECT_EQ(refusal([](TinyFile& file) {
              file.header["bert.embeddings.position_ids"] = {{"shape", {1, 4}}};
              file.replace("bert.embeddings.position_ids", "I64", std::string(32, '\0'));
            }),
            "");
}

TEST_F(ForeignCheckpoint, OfAnotherFloatingTypeIsNoted) {
  const PretrainedModel model =
      load_changed([](TinyFile& file) { file.replace(kPoolerBias, "F16", std::string(64, '\0')); });
  EXPECT_THAT(model.notes.notes, Contains("stored as F16, computed with in float32"));
}

TEST_F(ForeignCheckpoint, WithValuesThatAreNotFiniteIsWarnedOf) {
  for (const float value : {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
    std::string bytes(128, '\0');
    std::memcpy(bytes.data() + 64, &value, sizeof value);
    const PretrainedModel model = load_changed([&](TinyFile& file) { file.replace(kPoolerBias, "F32", bytes); });
    EXPECT_THAT(model.notes.warnings, ElementsAre(AllOf(HasSubstr("not finite"), HasSubstr(kPoolerBias))));
  }
}

TEST_F(ForeignCheckpoint, WithAMatrixOfZerosIsWarnedOf) {
  const PretrainedModel model =
      load_changed([](TinyFile& file) { file.replace(kPoolerWeight, "F32", std::string(4096, '\0')); });
  EXPECT_THAT(model.notes.warnings, ElementsAre(AllOf(HasSubstr("zeros"), HasSubstr(kPoolerWeight))));
}

TEST_F(ForeignCheckpoint, OfAnotherFormatIsRefusedNamingTheConversion) {
  EXPECT_THAT(refusal_of_folder_with("pytorch_model.bin"),
              AllOf(HasSubstr("has pytorch_model.bin but no model.safetensors"), HasSubstr("torch.load"),
                    HasSubstr("save_file({k: v")));
  EXPECT_THAT(refusal_of_folder_with("pytorch_model.bin.index.json"), HasSubstr("save_pretrained"));
  EXPECT_THAT(refusal_of_folder_with("tf_model.h5"), HasSubstr("from_tf=True"));
  EXPECT_THAT(refusal_of_folder_with("flax_model.msgpack"), HasSubstr("from_flax=True"));
  EXPECT_THAT(refusal_of_folder_with("bert_model.ckpt.index"), HasSubstr("--tf_checkpoint"));
  EXPECT_THAT(refusal_of_folder_with("adapter_model.safetensors"), HasSubstr("merge_and_unload"));
  EXPECT_THAT(refusal_of_folder_with("model.onnx"), HasSubstr("exported from"));
  EXPECT_THAT(refusal_of_folder_with("README.md"), HasSubstr("neither model.safetensors"));
}

TEST_F(ForeignCheckpoint, OfGitLfsPointersIsRefusedNamingTheRemedy) {
  const std::string pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5000\n";
  for (const char* file : {"model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "config.json"}) {
    EXPECT_THAT(refusal_of_folder_with(file, pointer),
                AllOf(HasSubstr(file), HasSubstr("Git LFS pointer"), HasSubstr("git lfs pull")));
  }
}

TEST_F(ForeignCheckpoint, WhoseLinkLeadsNowhereIsRefusedNamingIt) {
  folder_.write("config.json", test::read_bytes(test::tiny_folder() / "config.json"));
  std::filesystem::create_symlink("../../blobs/absent", folder_.path() / "model.safetensors");
  EXPECT_THAT(message_of<ModelError>([&] { load_pretrained(folder_.path()); }),
              AllOf(HasSubstr("model.safetensors"), HasSubstr("../../blobs/absent")));
}

TEST_F(ForeignCheckpoint, InTheHubsCacheIsRefusedNamingTheSnapshot) {
  folder_.write("models--a--b/refs/main", "c0ffee");
  folder_.write("models--a--b/snapshots/c0ffee/config.json", "{}");
  folder_.write("models--a--b/snapshots/older/config.json", "{}");
  EXPECT_THAT(message_of<ModelError>([&] { load_pretrained(folder_.path() / "models--a--b"); }),
              HasSubstr((folder_.path() / "models--a--b/snapshots/c0ffee").string()));
}

TEST_F(ForeignCheckpoint, WithGooglesConfigurationAloneIsRefusedNamingIt) {
  folder_.write("bert_config.json", "{}");
  EXPECT_THAT(message_of<ModelError>([&] { load_pretrained(folder_.path()); }), HasSubstr("copy bert_config.json"));
}

class NewPooler : public ForeignCheckpoint {
 protected:
  at::Tensor weight(std::uint64_t seed) const {
    return with_new_head(model_, catalogue_, seed)[test::index_of(catalogue_, "bert.pooler.dense.weight")];
  }

  const PretrainedModel model_ = load_changed(remove_pooler);
  const ParameterCatalogue catalogue_ = model_.network->catalogue(32);
};

TEST_F(NewPooler, IsWarnedOfAndNoted) {
  EXPECT_FALSE(model_.has_pooler);
  EXPECT_THAT(model_.notes.notes, Contains(HasSubstr("newly drawn: bert.pooler.dense")));
  EXPECT_THAT(model_.notes.warnings, ElementsAre(HasSubstr("no pooler")));
}

TEST_F(NewPooler, IsAFunctionOfTheSeedAndNotTheHead) {
  EXPECT_TRUE(are_equal(weight(4), weight(4)));
  EXPECT_FALSE(are_equal(weight(4), weight(5)));
  EXPECT_FALSE(
      are_equal(weight(4), with_new_head(model_, catalogue_, 4)[test::index_of(catalogue_, "classifier.weight")]));
}

// What a head draws must not depend on whether a pooler was drawn.
TEST_F(NewPooler, LeavesTheHeadAsItIs) {
  const PretrainedModel golden = load_pretrained(test::tiny_folder());
  EXPECT_TRUE(are_equal(with_new_head(model_, catalogue_, 7)[test::index_of(catalogue_, "classifier.weight")],
                        with_new_head(golden, catalogue_, 7)[test::index_of(catalogue_, "classifier.weight")]));
}

TEST_F(NewPooler, HasNormalWeightsOfTheConfigurationsRangeAndZeroBias) {
  const at::Tensor values = weight(1);
  ASSERT_EQ(values.sizes().vec(), (std::vector<std::int64_t>{32, 32}));
  // initializer_range is 0.3 in config.json; bounds of five standard errors of 1024 values.
  EXPECT_NEAR(values.mean().item<double>(), 0.0, 5 * 0.3 / std::sqrt(1024.0));
  EXPECT_NEAR(values.std().item<double>(), 0.3, 5 * 0.3 / std::sqrt(2048.0));
  const at::Tensor bias = with_new_head(model_, catalogue_, 1)[test::index_of(catalogue_, "bert.pooler.dense.bias")];
  EXPECT_EQ(bias.count_nonzero().item<std::int64_t>(), 0);
}

TEST_F(NewPooler, IsNotDrawnIfHalfOfOneIsThere) {
  EXPECT_THAT(refusal([](TinyFile& file) { file.header.erase(kPoolerBias); }),
              AllOf(HasSubstr("missing"), HasSubstr(kPoolerBias), Not(HasSubstr(kPoolerWeight))));
}

}  // namespace
}  // namespace tunescope
