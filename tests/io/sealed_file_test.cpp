#include "tunescope/io/sealed_file.hpp"

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

// The digest is that of Python's hashlib.
TEST(SealedFile, HasItsDigestInThePlaceThatItHasForIt) {
  const test::TemporaryFolder folder;
  const std::string empty = "a" + std::string(kEmptySeal) + "z";
  const std::filesystem::path path = folder.write("a", empty);
  seal_file(path);
  std::string bytes = test::read_bytes(path);
  EXPECT_EQ(bytes, "atunescope sha256 875e47672e4ba5f8e013bc8d5e492af2da02b419a05cdf863c8b7b69837ca3d0z");
  EXPECT_TRUE(has_intact_seal(path));
  seal_file(path);
  EXPECT_EQ(test::read_bytes(path), bytes) << "sealed again";
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] ^= 1;
    EXPECT_FALSE(has_intact_seal(folder.write("a", bytes))) << "byte " << i;
    bytes[i] ^= 1;
  }
  EXPECT_FALSE(has_intact_seal(folder.write("a", bytes + "z")));
  EXPECT_FALSE(has_intact_seal(folder.write("a", bytes.substr(0, bytes.size() - 1))));
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
  for (const std::string_view start : {std::string_view(""), kEmptySeal}) {
    std::string bytes = std::string(start) + std::string(3'000'000, 'x');
    const std::filesystem::path path = folder.write("a", bytes);
    seal_file(path);
    EXPECT_TRUE(has_intact_seal(path));
    bytes = test::read_bytes(path);
    bytes[2'500'000] ^= 1;
    EXPECT_FALSE(has_intact_seal(folder.write("a", bytes)));
  }
}

}  // namespace
}  // namespace tunescope
