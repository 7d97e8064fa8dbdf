#include "tunescope/text/deceptive_character.hpp"

#include <gtest/gtest.h>

namespace tunescope {
namespace {

TEST(DeceptiveCharacter, IsNamedByItsCodePoint) {
  EXPECT_EQ(find_deceptive_character("1e-5\u00A02e-5"), "U+00A0 (NO-BREAK SPACE)");
  EXPECT_EQ(find_deceptive_character("cpu\u200B"), "U+200B (ZERO WIDTH SPACE)");
  EXPECT_EQ(find_deceptive_character("\uFEFFname"), "U+FEFF (ZERO WIDTH NO-BREAK SPACE)");
  EXPECT_EQ(find_deceptive_character("\u201Cmodels\u201D"), "U+201C (LEFT DOUBLE QUOTATION MARK)");
  EXPECT_EQ(find_deceptive_character("\u201Emodels\u201C"), "U+201E (DOUBLE LOW-9 QUOTATION MARK)");
  EXPECT_EQ(find_deceptive_character("1e\u22125"), "U+2212 (MINUS SIGN)");
  EXPECT_EQ(find_deceptive_character("1e\u20135"), "U+2013 (EN DASH)");
}

TEST(DeceptiveCharacter, IsNoneThatPeopleSeeAsItIs) {
  EXPECT_EQ(find_deceptive_character("a b\tc-d_e \"f\" 'g' 1e-5"), std::nullopt);
  EXPECT_EQ(find_deceptive_character("Universität/données/データ"), std::nullopt);
}

TEST(InvisibleCharacter, IsNoQuoteOrDash) {
  EXPECT_EQ(find_invisible_character("It\u2019s \u2013 fine"), std::nullopt);
  EXPECT_EQ(find_invisible_character("a\u202Fb"), "U+202F (NARROW NO-BREAK SPACE)");
  EXPECT_EQ(find_invisible_character("a\u0007"), "U+0007 (<control-0007>)");
}

}  // namespace
}  // namespace tunescope
