#include "tunescope/plan/inputs.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/tiny_file.hpp"
#include "tunescope/base/error.hpp"

namespace tunescope {
namespace {

using test::message_of;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// The golden model, which has 120 rows for tokens, with a vocabulary of so many words.
class Inputs : public ::testing::Test {
 protected:
  SweepInputs inputs_of(std::size_t tokens) {
    std::string lines = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n";
    for (std::size_t i = 5; i < tokens; ++i) lines += "word" + std::to_string(i) + "\n";
    folder_.write("vocab.txt", lines);
    spec_.model_folder = folder_.path();
    spec_.cache_folder = folder_.path() / "cache";
    spec_.max_length = 32;
    spec_.tasks = {"CoLA"};
    return {spec_, [this](const std::string& warning) { warnings_.push_back(warning); }};
  }
  void copy_model(const std::function<void(test::TinyFile&)>& change = [](test::TinyFile&) {}) {
    test::TinyFile file = test::TinyFile::read();
    change(file);
    folder_.write("config.json", test::read_bytes(test::tiny_folder() / "config.json"));
    folder_.write("model.safetensors", file.bytes());
  }

  test::TemporaryFolder folder_;
  SweepSpec spec_;
  std::vector<std::string> warnings_;
};

TEST_F(Inputs, OfModelAndVocabularyOfOneSizeHaveNoWarnings) {
  copy_model();
  EXPECT_THAT(inputs_of(120).notes().warnings, IsEmpty());
  EXPECT_THAT(warnings_, IsEmpty());
}

TEST_F(Inputs, MayHaveRowsOfTheEmbeddingThatNoTokenUses) {
  copy_model();
  const SweepInputs inputs = inputs_of(119);
  EXPECT_THAT(inputs.notes().notes, ::testing::Contains(HasSubstr("1 of the embedding's 120 rows")));
  EXPECT_THAT(warnings_, IsEmpty());
}

TEST_F(Inputs, MayHaveRowsThatFillUpAMultipleOfEight) {
  copy_model();
  EXPECT_NO_THROW(inputs_of(113));
  EXPECT_THAT(message_of<ModelError>([&] { inputs_of(112); }), AllOf(HasSubstr("112 tokens"), HasSubstr("120")));
}

TEST_F(Inputs, MustNotHaveATokenWithoutARow) {
  copy_model();
  EXPECT_THAT(message_of<ModelError>([&] { inputs_of(121); }), AllOf(HasSubstr("121 tokens"), HasSubstr("120")));
}

// An embedding of BERT-base-uncased with the vocabulary of BERT-base-cased has one row in twenty too many.
TEST_F(Inputs, MustNotHaveMoreThanOneSpareRowInAHundred) {
  copy_model([](test::TinyFile& file) {
    const char* name = "bert.embeddings.word_embeddings.weight";
    file.header[name]["shape"] = {1200, 32};
    file.replace(name, "F32", std::string(std::size_t{1200} * 32 * 4, '\1'));
  });
  std::string config = test::read_bytes(folder_.path() / "config.json");
  config.replace(config.find("\"vocab_size\": 120"), 17, "\"vocab_size\": 1200");
  folder_.write("config.json", config);
  EXPECT_THAT(message_of<ModelError>([&] { inputs_of(1187); }), AllOf(HasSubstr("1200"), HasSubstr("[unused1]")));
  EXPECT_NO_THROW(inputs_of(1188));
}

TEST_F(Inputs, GiveTheWarningsOfModelAndTokenizer) {
  copy_model([](test::TinyFile& file) {
    file.header.erase("bert.pooler.dense.weight");
    file.header.erase("bert.pooler.dense.bias");
  });
  folder_.write("tokenizer_config.json", R"({"truncation_side": "left"})");
  inputs_of(120);
  EXPECT_THAT(warnings_, ElementsAre(AllOf(HasSubstr(folder_.path().string()), HasSubstr("pooler")),
                                     HasSubstr("truncation_side")));
}

}  // namespace
}  // namespace tunescope
