#include "tunescope/sealed_file.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "support/temporary_folder.hpp"

namespace tunescope {
namespace {

// The digest of "abc" is that of FIPS 180-2, appendix B.1.
constexpr const char* kSealedAbc =
    "abc\ntunescope sha256 ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n";

TEST(SealedFile, EndsWithTheDigestOfWhatStandsBeforeIt) {
  const test::TemporaryFolder folder;
  const std::filesystem::path path = folder.write("a", "abc");
  seal_file(path);
  EXPECT_EQ(test::read_bytes(path), kSealedAbc);
  EXPECT_TRUE(has_intact_seal(path));
}

TEST(SealedFile, IsNotIntactOnceAnyBitHasChanged) {
  const test::TemporaryFolder folder;
  std::string bytes = kSealedAbc;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] ^= 1;
    EXPECT_FALSE(has_intact_seal(folder.write("a", bytes))) << "byte " << i;
    bytes[i] ^= 1;
  }
  EXPECT_TRUE(has_intact_seal(folder.write("a", bytes)));
}

TEST(SealedFile, IsNotIntactAtAnotherLength) {
  const test::TemporaryFolder folder;
  const std::string whole = kSealedAbc;
  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_FALSE(has_intact_seal(folder.write("a", whole.substr(0, length)))) << length;
  }
  EXPECT_FALSE(has_intact_seal(folder.write("a", whole + "\n")));
}

TEST(SealedFile, IsNotIntactWhereThereIsNone) {
  const test::TemporaryFolder folder;
  EXPECT_FALSE(has_intact_seal(folder.path() / "absent"));
  EXPECT_FALSE(has_intact_seal(folder.path()));
}

TEST(SealedFile, IsReadAgainOnceItHasChanged) {
  const test::TemporaryFolder folder;
  const std::filesystem::path path = folder.write("a", kSealedAbc);
  const auto an_hour_ago = std::filesystem::last_write_time(path) - std::chrono::hours(1);
  std::filesystem::last_write_time(path, an_hour_ago);
  EXPECT_TRUE(has_intact_seal(path));
  EXPECT_TRUE(has_intact_seal(path));
  std::string bytes = kSealedAbc;
  bytes[0] ^= 1;
  folder.write("a", bytes);
  EXPECT_FALSE(has_intact_seal(path));
}

TEST(SealedFile, IsLargerThanOneRead) {
  const test::TemporaryFolder folder;
  std::string bytes(3'000'000, 'x');
  const std::filesystem::path path = folder.write("a", bytes);
  seal_file(path);
  EXPECT_TRUE(has_intact_seal(path));
  bytes = test::read_bytes(path);
  bytes[2'500'000] ^= 1;
  EXPECT_FALSE(has_intact_seal(folder.write("a", bytes)));
}

}  // namespace
}  // namespace tunescope
