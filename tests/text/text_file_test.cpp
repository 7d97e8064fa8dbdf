#include "tunescope/text/text_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "support/temporary_folder.hpp"
#include "tunescope/base/error.hpp"

namespace tunescope {
namespace {

using namespace std::string_view_literals;
using test::message_of;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class TextFile : public ::testing::Test {
 protected:
  std::string read(std::string_view content) const { return read_text(folder_.write("notes.txt", content)); }
  std::string refusal(std::string_view content) const {
    return message_of<DataError>([&] { read(content); });
  }

  test::TemporaryFolder folder_;
};

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  LineReader reader(text);
  while (const auto line = reader.next()) lines.emplace_back(*line);
  return lines;
}

TEST_F(TextFile, IsReadWithoutItsByteOrderMark) {
  EXPECT_EQ(read("\xEF\xBB\xBFone\n"), "one\n");
  EXPECT_EQ(read("\xEF\xBB\xBF"), "");
  EXPECT_EQ(read("one \xEF\xBB\xBF two"), "one \xEF\xBB\xBF two");
}

TEST_F(TextFile, IsReadByteByByte) {
  EXPECT_EQ(read(""), "");
  EXPECT_EQ(read("caf\xE9\r\n\0 \n"sv), "caf\xE9\r\n\0 \n"sv);
}

TEST_F(TextFile, ThatIsCompressedIsNamedAsWhatItIs) {
  EXPECT_THAT(refusal("\x1F\x8B\x08rest"), AllOf(HasSubstr("notes.txt: is gzip data"), HasSubstr("gunzip")));
  EXPECT_THAT(refusal("PK\x03\x04rest"), AllOf(HasSubstr("a zip archive"), HasSubstr("unzip")));
  EXPECT_THAT(refusal("\xFD\x37zXZ\0rest"sv), HasSubstr("xz data"));
  EXPECT_THAT(refusal("\x28\xB5\x2F\xFDrest"), HasSubstr("Zstandard data"));
}

TEST_F(TextFile, InUtf16OrUtf32IsNamedWithTheConversion) {
  EXPECT_THAT(refusal("\xFF\xFEh\0i\0"sv), AllOf(HasSubstr("UTF-16"), HasSubstr("iconv -f UTF-16 -t UTF-8")));
  EXPECT_THAT(refusal("\xFE\xFF\0h\0i"sv), HasSubstr("UTF-16"));
  EXPECT_THAT(refusal("\xFF\xFE\0\0h\0\0\0"sv), HasSubstr("UTF-32"));
  EXPECT_THAT(refusal("\0\0\xFE\xFF\0\0\0h"sv), HasSubstr("UTF-32"));
}

TEST_F(TextFile, InUtf16WithoutAMarkIsRecognizedByItsNulBytes) {
  EXPECT_THAT(refusal("n\0a\0m\0e\0\n\0"sv), AllOf(HasSubstr("without a byte-order mark"), HasSubstr("UTF-16LE")));
  EXPECT_THAT(refusal("\0n\0a\0m\0e\0\n"sv), HasSubstr("UTF-16BE"));
}

TEST_F(TextFile, ThatCannotBeReadIsNamedWithTheReason) {
  const std::filesystem::path absent = folder_.path() / "absent.txt";
  EXPECT_EQ(message_of<DataError>([&] { read_text(absent, "table"); }), absent.string() + ": no such table");
  EXPECT_THAT(message_of<DataError>([&] { read_text(folder_.path(), "table"); }),
              HasSubstr("no such table, it is a folder"));
}

TEST(Shortened, KeepsWholeCodePointsOfTheBeginning) {
  EXPECT_EQ(shortened(std::string(200, 'x')), std::string(200, 'x'));
  EXPECT_EQ(shortened(std::string(199, 'x') + "\xC3\xA9y"), std::string(199, 'x') + " ... (202 bytes)");
}

TEST(FindDamage, NamesTheFirstByteThatIsNotUtf8) {
  EXPECT_EQ(find_damage("plain, caf\xC3\xA9"), std::nullopt);
  EXPECT_EQ(find_damage("caf\xE9"), "is not UTF-8 (byte 0xE9 at position 4)");
  EXPECT_EQ(find_damage("a\0b"sv), "holds a NUL byte");
}

TEST(RefuseDamage, NamesFileAndLine) {
  EXPECT_NO_THROW(refuse_damage("a\nb\r\n", "job.cfg"));
  EXPECT_THAT(message_of<DataError>([] { refuse_damage("a\r\nb\xFC\n", "job.cfg"); }),
              AllOf(HasSubstr("job.cfg:2: is not UTF-8"), HasSubstr("0xFC"), HasSubstr("iconv")));
  EXPECT_THAT(message_of<DataError>([] { refuse_damage("a\rb\0\r"sv, "job.cfg"); }), HasSubstr("job.cfg:2: holds"));
}

TEST(LineReader, TakesEveryKindOfLineEnd) {
  EXPECT_THAT(lines_of("one\ntwo\n"), ElementsAre("one", "two"));
  EXPECT_THAT(lines_of("one\r\n\r\ntwo"), ElementsAre("one", "", "two"));
  EXPECT_THAT(lines_of("one\rtwo\r"), ElementsAre("one", "two"));
  EXPECT_THAT(lines_of(""), ElementsAre());
}

TEST(LineReader, TakesACarriageReturnForTextIfLinesEndOtherwise) {
  EXPECT_THAT(lines_of("one\rhalf\ntwo\r\n"), ElementsAre("one\rhalf", "two"));
}

TEST(LineReader, NumbersLinesFromOne) {
  LineReader reader("one\n\nthree");
  while (reader.next() != "three") {
  }
  EXPECT_EQ(reader.number(), 3U);
}

}  // namespace
}  // namespace tunescope
