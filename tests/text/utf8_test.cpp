#include "tunescope/text/utf8.hpp"

#include <gtest/gtest.h>

#include "text/tokenizer_golden.hpp"

namespace tunescope {
namespace {

std::string from_hex(const std::string& digits) {
  std::string bytes;
  for (std::size_t index = 0; index < digits.size(); index += 2) {
    bytes.push_back(static_cast<char>(std::stoi(digits.substr(index, 2), nullptr, 16)));
  }
  return bytes;
}

TEST(Utf8, ReplacesBrokenSequencesAsPythonDoes) {
  const nlohmann::json golden_file = test::read_json(test::golden_tokenizer() / "utf8.json");
  for (const nlohmann::json& test_case : golden_file["cases"]) {
    EXPECT_EQ(utf8::replace_invalid(from_hex(test_case["bytes"])), test_case["decoded"].get<std::string>())
        << test_case["bytes"];
  }
}

TEST(Utf8, DecodesWhatItAppendsForEveryCodePoint) {
  for (char32_t code_point = 0; code_point < 0x110000; ++code_point) {
    if (code_point >= 0xD800 && code_point < 0xE000) continue;
    std::string text;
    utf8::append(text, code_point);
    ASSERT_EQ(utf8::find_invalid(text), text.size());
    std::size_t position = 0;
    ASSERT_EQ(utf8::decode_next(text, position), code_point);
    ASSERT_EQ(position, text.size());
  }
}

TEST(Utf8, FindsTheFirstInvalidByteBehindLongAsciiText) {
  EXPECT_EQ(utf8::find_invalid("twenty ASCII letters\xC3\xA9\xFFx"), 22U);
  EXPECT_EQ(utf8::find_invalid(""), 0U);
}

}  // namespace
}  // namespace tunescope
