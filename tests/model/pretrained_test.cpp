#include "tunescope/model/pretrained.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "support/catalogue_lookup.hpp"
#include "support/floats.hpp"
#include "support/temporary_folder.hpp"
#include "support/tiny_file.hpp"
#include "tunescope/base/error.hpp"

namespace tunescope {
namespace {

using test::message_of;
using test::tiny_folder;
using test::TinyFile;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

void expect_same_backbone(const PretrainedModel& found, const PretrainedModel& expected) {
  ASSERT_EQ(found.backbone.size(), expected.backbone.size());
  for (std::size_t i = 0; i < expected.backbone.size(); ++i) {
    EXPECT_EQ(found.backbone[i].sizes().vec(), expected.backbone[i].sizes().vec()) << "tensor " << i;
    EXPECT_EQ(test::floats(found.backbone[i]), test::floats(expected.backbone[i])) << "tensor " << i;
  }
}

class Pretrained : public ::testing::Test {
 protected:
  // Loads the golden model with its weights file changed.
  PretrainedModel load_changed(const std::function<void(TinyFile&)>& change) const {
    TinyFile file = TinyFile::read();
    change(file);
    folder_.write("config.json", test::read_bytes(tiny_folder() / "config.json"));
    folder_.write("model.safetensors", file.bytes());
    return load_pretrained(folder_.path());
  }
  std::string refusal(const std::function<void(TinyFile&)>& change) const {
    return message_of<ModelError>([&] { load_changed(change); });
  }

  test::TemporaryFolder folder_;
};

TEST_F(Pretrained, LoadsABackboneInCatalogueOrder) {
  const PretrainedModel model = load_pretrained(tiny_folder());
  EXPECT_EQ(model.network->limits().hidden_size, 32);
  EXPECT_EQ(model.network->limits().layers, 2);
  const ParameterCatalogue catalogue = model.network->catalogue(3);
  ASSERT_EQ(model.backbone.size(), catalogue.size() - 2);
  const TinyFile file = TinyFile::read();
  for (ParameterIndex i = 0; i < model.backbone.size(); ++i) {
    const Json& entry = file.header.at(catalogue[i].name);
    EXPECT_EQ(model.backbone[i].sizes().vec(), entry.at("shape").get<std::vector<std::int64_t>>()) << catalogue[i].name;
    const std::vector<float> values = test::floats(model.backbone[i]);
    const std::string stored =
        file.data.substr(entry.at("data_offsets").at(0).get<std::size_t>(), values.size() * sizeof(float));
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)), stored)
        << catalogue[i].name;
  }
}

TEST_F(Pretrained, LoadsTheSameWithoutPrefix) {
  const PretrainedModel model = load_changed([](TinyFile& file) {
    file.rename([](const std::string& name) { return name.starts_with("bert.") ? name.substr(5) : name; });
  });
  expect_same_backbone(model, load_pretrained(tiny_folder()));
}

TEST_F(Pretrained, LoadsTheNamesOfTensorFlowsLayerNorm) {
  const PretrainedModel model = load_changed([](TinyFile& file) {
    file.rename([](const std::string& name) {
      const auto replaced = [&](const std::string& from, const std::string& to) {
        return name.ends_with(from) ? name.substr(0, name.size() - from.size()) + to : std::string();
      };
      const std::string gamma = replaced("LayerNorm.weight", "LayerNorm.gamma");
      const std::string beta = replaced("LayerNorm.bias", "LayerNorm.beta");
      return !gamma.empty() ? gamma : !beta.empty() ? beta : name;
    });
  });
  expect_same_backbone(model, load_pretrained(tiny_folder()));
}

TEST_F(Pretrained, LeavesOutTheHeadsOfPreTraining) {
  const PretrainedModel model = load_changed([](TinyFile& file) {
    const Json entry = file.header.at("bert.pooler.dense.bias");
    for (const char* name :
         {"cls.predictions.bias", "cls.seq_relationship.weight", "classifier.bias", "bert.embeddings.position_ids"}) {
      file.header[name] = entry;
    }
  });
  expect_same_backbone(model, load_pretrained(tiny_folder()));
}

TEST_F(Pretrained, RefusalNamesAMissingTensor) {
  const std::string message =
      refusal([](TinyFile& file) { file.header.erase("bert.encoder.layer.1.output.dense.bias"); });
  EXPECT_THAT(message, AllOf(HasSubstr(folder_.path().string()), HasSubstr("missing"),
                             HasSubstr("bert.encoder.layer.1.output.dense.bias"), Not(HasSubstr("unexpected"))));
}

TEST_F(Pretrained, RefusalNamesAnUnexpectedTensor) {
  const std::string message = refusal([](TinyFile& file) {
    file.header["bert.encoder.layer.2.output.dense.bias"] = file.header.at("bert.pooler.dense.bias");
  });
  EXPECT_THAT(message, AllOf(HasSubstr(folder_.path().string()), HasSubstr("unexpected"),
                             HasSubstr("bert.encoder.layer.2.output.dense.bias"), Not(HasSubstr("missing"))));
}

TEST_F(Pretrained, RefusalNamesAWronglyShapedTensor) {
  const std::string message = refusal([](TinyFile& file) {
    file.header["bert.encoder.layer.0.attention.self.query.weight"]["shape"] = {16, 64};
  });
  EXPECT_THAT(message,
              AllOf(HasSubstr(folder_.path().string()), HasSubstr("bert.encoder.layer.0.attention.self.query.weight"),
                    HasSubstr("[16, 64]"), HasSubstr("[32, 32]")));
}

TEST_F(Pretrained, RefusalNamesEveryKindOfProblemAtOnce) {
  const std::string message = refusal([](TinyFile& file) {
    file.header["bert.surprise"] = file.header.at("bert.pooler.dense.bias");
    file.header.erase("bert.pooler.dense.bias");
    file.header["bert.pooler.dense.weight"]["shape"] = {1024};
  });
  EXPECT_THAT(message, AllOf(HasSubstr("bert.surprise"), HasSubstr("bert.pooler.dense.bias"),
                             HasSubstr("bert.pooler.dense.weight")));
}

// A checkpoint that has a tensor under both of its names cannot mean both.
TEST_F(Pretrained, RefusesATensorThatIsThereTwice) {
  const std::string message = refusal(
      [](TinyFile& file) { file.header["pooler.dense.bias"] = file.header.at("bert.embeddings.LayerNorm.bias"); });
  EXPECT_THAT(message, HasSubstr("pooler.dense.bias"));
}

TEST_F(Pretrained, RefusesAMissingFolder) {
  EXPECT_THAT(message_of<ModelError>([&] { load_pretrained(folder_.path() / "absent"); }), HasSubstr("absent"));
}

TEST_F(Pretrained, ContentHashRefusesAMissingFolderAsLoadingDoes) {
  EXPECT_THROW(model_content_hash(folder_.path() / "absent"), ModelError);
}

TEST_F(Pretrained, ContentHashRefusesAMissingConfigurationAsLoadingDoes) {
  folder_.write("model.safetensors", TinyFile::read().bytes());
  EXPECT_THROW(load_pretrained(folder_.path()), ModelError);
  EXPECT_THROW(model_content_hash(folder_.path()), ModelError);
}

TEST_F(Pretrained, ContentHashChangesWithTheWeights) {
  load_changed([](TinyFile&) {});
  EXPECT_EQ(model_content_hash(folder_.path()), model_content_hash(tiny_folder()));
  load_changed([](TinyFile& file) { file.data[0] = static_cast<char>(file.data[0] ^ 1); });
  EXPECT_NE(model_content_hash(folder_.path()), model_content_hash(tiny_folder()));
}

class NewHead : public ::testing::Test {
 protected:
  std::vector<float> weights(std::uint64_t seed) const {
    return test::floats(with_new_head(model_, catalogue_, seed)[test::index_of(catalogue_, "classifier.weight")]);
  }

  const PretrainedModel model_ = load_pretrained(tiny_folder());
  const ParameterCatalogue catalogue_ = model_.network->catalogue(100);
};

TEST_F(NewHead, IsAFunctionOfTheSeed) {
  EXPECT_EQ(weights(4), weights(4));
  EXPECT_NE(weights(4), weights(5));
}

TEST_F(NewHead, HasZeroBias) {
  const Parameters parameters = with_new_head(model_, catalogue_, 1);
  EXPECT_EQ(test::floats(parameters[test::index_of(catalogue_, "classifier.bias")]), std::vector<float>(100, 0.0F));
}

TEST_F(NewHead, HasNormalWeightsOfTheConfigurationsRange) {
  const std::vector<float> values = weights(1);
  ASSERT_EQ(values.size(), 3200U);
  double sum = 0.0;
  double squares = 0.0;
  for (const float value : values) {
    sum += value;
    squares += static_cast<double>(value) * value;
  }
  // initializer_range is 0.3 in config.json; bounds of five standard errors.
  const double n = static_cast<double>(values.size());
  EXPECT_NEAR(sum / n, 0.0, 5 * 0.3 / std::sqrt(n));
  EXPECT_NEAR(std::sqrt(squares / n), 0.3, 5 * 0.3 / std::sqrt(2 * n));
}

TEST_F(NewHead, SharesTheBackbone) {
  const Parameters parameters = with_new_head(model_, catalogue_, 1);
  ASSERT_EQ(parameters.size(), catalogue_.size());
  for (std::size_t i = 0; i < model_.backbone.size(); ++i) EXPECT_TRUE(parameters[i].is_same(model_.backbone[i])) << i;
}

}  // namespace
}  // namespace tunescope
