#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/temporary_folder.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/data/examples.hpp"

namespace tunescope {
namespace {

using test::message_of;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class TsvReader : public ::testing::Test {
 protected:
  RawExamples read(const char* task, const std::string& content, Labels labels = Labels::kRead) const {
    return read_examples(folder_.write("file.tsv", content), glue_task(task), labels);
  }
  std::string refusal(const char* task, const std::string& content) const {
    return message_of<DataError>([&] { read(task, content); });
  }

  test::TemporaryFolder folder_;
};

// SST-2 rows; the one at index `i` of the text stands in line i + 2 of the file.
std::string good_rows(std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += "row " + std::to_string(i) + "\t1\n";
  return text;
}

TEST_F(TsvReader, FindsColumnsByTheHeadersNames) {
  const RawExamples raw = read("MRPC", "#2 String\tQuality\tother\t#1 String\nsecond\t1\tx\tfirst\n");
  ASSERT_EQ(raw.examples.size(), 1U);
  EXPECT_EQ(raw.examples[0].first, "first");
  EXPECT_EQ(raw.examples[0].second, "second");
  EXPECT_EQ(raw.examples[0].label, "1");
  EXPECT_EQ(raw.examples[0].line, 2U);
  EXPECT_EQ(raw.malformed.count, 0U);
}

TEST_F(TsvReader, ToleratesAByteOrderMark) {
  const RawExamples raw = read("SST-2", "\xEF\xBB\xBFsentence\tlabel\ngood\t1\n");
  ASSERT_EQ(raw.examples.size(), 1U);
  EXPECT_EQ(raw.examples[0].first, "good");
}

TEST_F(TsvReader, ToleratesCarriageReturnsAtLineEnds) {
  const RawExamples raw = read("SST-2", "sentence\tlabel\r\ngood\t1\r\nbad\t0\r\n");
  ASSERT_EQ(raw.examples.size(), 2U);
  EXPECT_EQ(raw.examples[0].label, "1");
  EXPECT_EQ(raw.examples[1].label, "0");
}

TEST_F(TsvReader, ToleratesAMissingFinalNewline) {
  const RawExamples raw = read("SST-2", "sentence\tlabel\ngood\t1\nbad\t0");
  ASSERT_EQ(raw.examples.size(), 2U);
  EXPECT_EQ(raw.examples[1].first, "bad");
  EXPECT_EQ(raw.examples[1].label, "0");
}

TEST_F(TsvReader, TakesQuotesAsText) {
  const RawExamples raw = read("SST-2", "sentence\tlabel\n\"open\t1\nsay \"\"hi\"\"\t0\n");
  ASSERT_EQ(raw.examples.size(), 2U);
  EXPECT_EQ(raw.examples[0].first, "\"open");
  EXPECT_EQ(raw.examples[1].first, "say \"\"hi\"\"");
}

TEST_F(TsvReader, WarnsOfTextsInTheQuotesOfCsv) {
  const RawExamples raw =
      read("SST-2", "sentence\tlabel\nplain\t1\n\"the \"\"big\"\" one\"\t1\n\"\"\"all of it\"\"\"\t0\n");
  EXPECT_EQ(raw.examples[1].first, "\"the \"\"big\"\" one\"") << "as it stands";
  EXPECT_EQ(raw.csv_quoted.count, 2U);
  EXPECT_THAT(raw.warnings(), ElementsAre(AllOf(HasSubstr("2 rows"), HasSubstr("line 3, 4"), HasSubstr("QUOTE_NONE"))));
}

TEST_F(TsvReader, TakesOtherQuotesForWhatTheyAre) {
  for (const char* text : {"\"all of it is said\"", "\"one\" and \"two\"", "\"open", "\"\"", "\"", "\"\"\"",
                           "a \"\"b\"\" c", "\"he said \"\"no\"\" and \"left\""}) {
    EXPECT_EQ(read("SST-2", "sentence\tlabel\n" + std::string(text) + "\t1\n").csv_quoted.count, 0U) << text;
  }
}

TEST_F(TsvReader, DoesNotWarnOfQqpsQuotesWhichTheOfficialFilesHave) {
  const RawExamples raw = read("QQP", "question1\tquestion2\tis_duplicate\n\"Is \"\"it\"\" so?\"\tIs it?\t1\n");
  EXPECT_THAT(raw.warnings(), ElementsAre());
}

TEST_F(TsvReader, KeepsRowsThatAreNotUtf8AndWarnsOfThem) {
  const RawExamples raw = read("SST-2", "sentence\tlabel\nfine\t1\na caf\xE9\t1\n" + std::string("nul\0l\t0\n", 8));
  EXPECT_EQ(raw.examples.size(), 3U);
  EXPECT_EQ(raw.damaged.count, 2U);
  EXPECT_THAT(raw.warnings(), ElementsAre(AllOf(HasSubstr("2 rows are not UTF-8"), HasSubstr("line 3, 4"))));
}

TEST_F(TsvReader, SkipsBlankLines) {
  const RawExamples raw = read("SST-2", "\nsentence\tlabel\n\ngood\t1\n \n\t\nbad\t0\n\n\r\n");
  ASSERT_EQ(raw.examples.size(), 2U);
  EXPECT_EQ(raw.examples[0].line, 4U);
  EXPECT_EQ(raw.examples[1].line, 7U);
  EXPECT_EQ(raw.malformed.count, 0U);
}

TEST_F(TsvReader, TakesCarriageReturnsAloneForLineEnds) {
  const RawExamples raw = read("SST-2", "sentence\tlabel\rgood\t1\rbad\t0\r");
  ASSERT_EQ(raw.examples.size(), 2U);
  EXPECT_EQ(raw.examples[1].first, "bad");
}

TEST_F(TsvReader, RefusesWhatIsNoText) {
  EXPECT_THAT(refusal("SST-2", "\x1F\x8B\x08 packed"), AllOf(HasSubstr("file.tsv"), HasSubstr("gzip")));
  EXPECT_THAT(refusal("SST-2", std::string("\xFF\xFEs\0e\0", 6)), HasSubstr("UTF-16"));
}

TEST_F(TsvReader, ShowsOfALongHeaderItsBeginning) {
  EXPECT_LT(refusal("SST-2", std::string(100'000, 'x') + "\n").size(), 1000U);
}

TEST_F(TsvReader, KeepsEmptyColumns) {
  const RawExamples raw = read("SST-2", "sentence\tlabel\n\t1\n");
  ASSERT_EQ(raw.examples.size(), 1U);
  EXPECT_EQ(raw.examples[0].first, "");
}

TEST_F(TsvReader, ReadsColaWithoutHeader) {
  const RawExamples raw = read("CoLA", "gj04\t1\t\tThey ran.\nclc95\t0\t*\tThey runs.\n");
  ASSERT_EQ(raw.examples.size(), 2U);
  EXPECT_EQ(raw.examples[0].first, "They ran.");
  EXPECT_EQ(raw.examples[0].label, "1");
  EXPECT_EQ(raw.examples[0].line, 1U);
  EXPECT_EQ(raw.examples[1].first, "They runs.");
  EXPECT_EQ(raw.examples[1].label, "0");
}

TEST_F(TsvReader, ReadsColasTestFileWithHeader) {
  const RawExamples raw = read("CoLA", "index\tsentence\n0\tBill ate.\n", Labels::kIgnore);
  ASSERT_EQ(raw.examples.size(), 1U);
  EXPECT_EQ(raw.examples[0].first, "Bill ate.");
  EXPECT_EQ(raw.examples[0].label, "");
  EXPECT_EQ(raw.examples[0].line, 2U);
}

TEST_F(TsvReader, NeedsNoLabelColumnIfLabelsAreIgnored) {
  const RawExamples raw = read("RTE", "index\tsentence1\tsentence2\n0\tone\ttwo\n", Labels::kIgnore);
  ASSERT_EQ(raw.examples.size(), 1U);
  EXPECT_EQ(raw.examples[0].second, "two");
  EXPECT_EQ(raw.examples[0].label, "");
}

TEST_F(TsvReader, SkipsMalformedRowsAndReportsTheirLines) {
  const RawExamples raw = read("SST-2", "sentence\tlabel\n" + good_rows(150) + "no label\n" + good_rows(150) +
                                            "too\tmany\tcolumns\n" + good_rows(1));
  EXPECT_EQ(raw.examples.size(), 301U);
  EXPECT_EQ(raw.malformed.count, 2U);
  EXPECT_THAT(raw.malformed.first_lines, ElementsAre(152, 303));
  EXPECT_EQ(raw.examples.back().line, 304U);
}

TEST_F(TsvReader, ReportsAtMostFiveMalformedLines) {
  const RawExamples raw = read("SST-2", "sentence\tlabel\nbad\nbad\nbad\nbad\nbad\nbad\nbad\n" + good_rows(1000));
  EXPECT_EQ(raw.malformed.count, 7U);
  EXPECT_THAT(raw.malformed.first_lines, ElementsAre(2, 3, 4, 5, 6));
}

TEST_F(TsvReader, AcceptsExactlyOnePercentMalformedRows) {
  EXPECT_EQ(read("SST-2", "sentence\tlabel\nbad\n" + good_rows(99)).malformed.count, 1U);
}

TEST_F(TsvReader, RefusesMoreThanOnePercentMalformedRows) {
  EXPECT_THAT(refusal("SST-2", "sentence\tlabel\nbad\n" + good_rows(98)),
              AllOf(HasSubstr("file.tsv"), HasSubstr("1 of 99 rows"), HasSubstr("line 2"), HasSubstr("1 %")));
}

TEST_F(TsvReader, RefusalOfAMissingColumnNamesTheFoundOnes) {
  EXPECT_THAT(refusal("SST-2", "text\tlabel\ngood\t1\n"),
              AllOf(HasSubstr("file.tsv:1"), HasSubstr("'sentence'"), HasSubstr("found: text, label")));
  EXPECT_THAT(refusal("SST-2", "sentence\tclass\ngood\t1\n"),
              AllOf(HasSubstr("'label'"), HasSubstr("found: sentence, class")));
}

TEST_F(TsvReader, RefusesAMissingFile) {
  const std::filesystem::path path = folder_.path() / "absent.tsv";
  EXPECT_THAT(message_of<DataError>([&] { read_examples(path, glue_task("RTE"), Labels::kRead); }),
              HasSubstr("absent.tsv"));
}

TEST_F(TsvReader, RefusesAFolderInPlaceOfAFile) {
  EXPECT_THROW(read_examples(folder_.path(), glue_task("RTE"), Labels::kRead), DataError);
}

TEST_F(TsvReader, RefusesAnEmptyFile) {
  EXPECT_THAT(refusal("SST-2", ""), AllOf(HasSubstr("file.tsv"), HasSubstr("empty")));
  EXPECT_THAT(refusal("SST-2", "\xEF\xBB\xBF"), HasSubstr("empty"));
}

TEST_F(TsvReader, RefusesAFileWithoutRows) {
  EXPECT_THAT(refusal("SST-2", "sentence\tlabel\n"), AllOf(HasSubstr("file.tsv"), HasSubstr("no rows")));
}

TEST_F(TsvReader, TellsWhetherItHasLabels) {
  const auto is_labelled = [&](const char* task, const std::string& content) {
    return read(task, content, Labels::kReadIfThere).has_labels;
  };
  EXPECT_TRUE(is_labelled("RTE", "index\tsentence1\tsentence2\tlabel\n0\tone\ttwo\tentailment\n"));
  EXPECT_FALSE(is_labelled("RTE", "\nindex\tsentence1\tsentence2\n0\tone\ttwo\n"));
  EXPECT_TRUE(is_labelled("CoLA", "gj04\t1\t\tBill ate.\n")) << "without a header";
  EXPECT_FALSE(is_labelled("CoLA", "index\tsentence\n0\tBill ate.\n"));
}

}  // namespace
}  // namespace tunescope
