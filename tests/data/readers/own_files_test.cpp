#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "support/temporary_folder.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/data/examples.hpp"

namespace tunescope {
namespace {

using test::message_of;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// A task of pairs that a job file defines.
class OwnFiles : public ::testing::Test {
 protected:
  OwnFiles() {
    task_.name = "claims";
    task_.text_columns = {"premise", "claim"};
    task_.label_column = "gold";
    task_.labels = {"yes", "no"};
    task_.is_own = true;
  }

  RawExamples read(const char* name, const std::string& content, Labels labels = Labels::kRead) const {
    return read_examples(folder_.write(name, content), task_, labels);
  }
  std::string refusal(const char* name, const std::string& content) const {
    return message_of<DataError>([&] { read(name, content); });
  }

  Task task_;
  test::TemporaryFolder folder_;
};

TEST_F(OwnFiles, AreJsonLinesByTheirEnding) {
  const RawExamples raw =
      read("a.jsonl",
           "\xEF\xBB\xBF{\"claim\": \"It\\tis \\u00e4\", \"gold\": \"yes\", \"premise\": \"It rains\", \"x\": null}\r\n"
           "\n{\"premise\": \"a\", \"claim\": \"b\", \"gold\": 3}\n"
           "{\"premise\": \"a\", \"claim\": \"b\", \"gold\": true}");
  ASSERT_EQ(raw.examples.size(), 3U);
  EXPECT_EQ(raw.examples[0].first, "It rains");
  EXPECT_EQ(raw.examples[0].second, "It\tis \u00e4");
  EXPECT_EQ(raw.examples[0].label, "yes");
  EXPECT_EQ(raw.examples[0].line, 1U);
  EXPECT_EQ(raw.examples[1].label, "3");
  EXPECT_EQ(raw.examples[1].line, 3U);
  EXPECT_EQ(raw.examples[2].label, "true");
}

TEST_F(OwnFiles, AreTabSeparatedOtherwise) {
  const RawExamples raw = read("a.tsv", "gold\tclaim\tpremise\nyes\tb\ta\n");
  ASSERT_EQ(raw.examples.size(), 1U);
  EXPECT_EQ(raw.examples[0].first, "a");
  EXPECT_EQ(raw.examples[0].second, "b");
}

TEST_F(OwnFiles, NeedNoLabelsToBeTokenizedOrPredicted) {
  const std::string bare = R"({"premise": "a", "claim": "b"})";
  const std::string labelled = R"({"premise": "a", "claim": "b", "gold": "yes"})";
  EXPECT_EQ(read("a.jsonl", labelled, Labels::kIgnore).examples[0].label, "");
  EXPECT_FALSE(read("a.jsonl", bare, Labels::kReadIfThere).has_labels);
  EXPECT_TRUE(read("a.jsonl", labelled, Labels::kReadIfThere).has_labels);
  EXPECT_EQ(read("a.jsonl", labelled, Labels::kReadIfThere).examples[0].label, "yes");
  EXPECT_THAT(message_of<DataError>([&] { read("a.jsonl", labelled + "\n" + bare, Labels::kReadIfThere); }),
              HasSubstr("a.jsonl:2: no field 'gold'"))
      << "the first row decides";
}

TEST_F(OwnFiles, WithoutAFieldAreRefusedWithTheLineAndItsFields) {
  EXPECT_THAT(refusal("a.jsonl", "\n{\"premise\": \"a\", \"text\": \"b\", \"gold\": 1}\n"),
              AllOf(HasSubstr("a.jsonl:2: no field 'claim'"), HasSubstr("found: gold, premise, text")));
  EXPECT_THAT(refusal("a.tsv", "premise\ttext\tgold\na\tb\tyes\n"),
              AllOf(HasSubstr("a.tsv:1: no column 'claim'"), HasSubstr("found: premise, text, gold")));
}

TEST_F(OwnFiles, WithEmptyTextsAreReadWithAWarning) {
  EXPECT_THAT(read("a.tsv", "premise\tclaim\tgold\na\tb\tyes\na\t \tyes\n").warnings(),
              ElementsAre(HasSubstr("1 rows have an empty text (first at line 3)")));
  EXPECT_THAT(read("a.jsonl", R"({"premise": "", "claim": "b", "gold": 1})").warnings(), SizeIs(1));
  EXPECT_THAT(read("a.jsonl", R"({"premise": "a", "claim": "b", "gold": 1})").warnings(), IsEmpty());
}

TEST_F(OwnFiles, WithAnEscapedNulAreReadWithAWarning) {
  EXPECT_THAT(read("a.jsonl", R"({"premise": "a\u0000", "claim": "b", "gold": 1})").warnings(),
              ElementsAre(HasSubstr("hold NUL bytes (first at line 1)")));
}

TEST_F(OwnFiles, OfOtherJsonAreRefusedWithTheirLine) {
  for (const char* line : {"[1, 2]", "\"text\"", "{\"premise\": ", "premise\tclaim\tgold", "{} {}"}) {
    EXPECT_THAT(refusal("a.jsonl", "\n" + std::string(line)),
                AllOf(HasSubstr("a.jsonl:2"), HasSubstr("no JSON object")));
  }
  EXPECT_THAT(refusal("a.jsonl", R"({"premise": 7, "claim": "b", "gold": 1})"), HasSubstr("'premise' is no string"));
  EXPECT_THAT(refusal("a.jsonl", R"({"premise": "a", "claim": "b", "gold": [1]})"),
              HasSubstr("'gold' is no string, number or boolean"));
  EXPECT_THAT(refusal("a.jsonl", "\n\n"), HasSubstr("has no rows"));
  EXPECT_THAT(refusal("a.jsonl", "{\"premise\": \"\xFF\"}"), HasSubstr("a.jsonl:1: is not UTF-8"));
}

}  // namespace
}  // namespace tunescope
