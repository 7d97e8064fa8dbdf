#include "tunescope/hdf5/file.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <numeric>

#include "support/temporary_folder.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/hdf5/appender.hpp"

namespace tunescope::hdf5 {
namespace {

// Files of this process may not grow beyond a limit: what a full disk does to them, at any byte.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{.rlim_cur = bytes, .rlim_max = before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() { setrlimit(RLIMIT_FSIZE, &before_); }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_{};
};

// Of every kind that the program writes: attributes, strings, plain and deflated tables, dimensions, rows by blocks.
void write_file(const std::filesystem::path& path) {
  std::vector<double> numbers(2000);
  std::iota(numbers.begin(), numbers.end(), 0.5);
  const std::vector<std::string> names = {"one", "two", "three"};
  File file = File::create(path);
  file.write_attribute("text", std::string(500, 't'));
  for (const char* name : {"first", "second"}) {
    const Group group = file.create_group(name);
    group.write("name", std::span<const std::string>(names), {names.size()});
    group.make_dimension("name");
    group.write("small", std::span<const double>(numbers).first(3), {3});
    group.attach_dimensions("small", std::vector<std::string>{"name"});
    group.write("large", std::span<const double>(numbers), {numbers.size()});
    Appender<double> rows(group, "rows", {200, 100});
    for (int i = 0; i < 10; ++i) rows.append(numbers);
    rows.finish();
  }
  file.close();
}

TEST(FullDisk, IsAnErrorWhereverItHappensAndTheNextFileIsWhole) {
  const test::TemporaryFolder folder;
  const std::filesystem::path whole = folder.path() / "whole.h5";
  write_file(whole);
  const std::size_t bytes = std::filesystem::file_size(whole);
  constexpr std::size_t kStep = 257;  // no divisor of the sizes of HDF5's parts
  ASSERT_GT(bytes, 50 * kStep);
  for (std::size_t limit = 0; limit < bytes; limit += kStep) {
    const std::filesystem::path path = folder.path() / "cut.h5";
    const FileSizeLimit limited(limit);
    EXPECT_THAT(test::message_of<Hdf5Error>([&] { write_file(path); }),
                testing::AllOf(testing::HasSubstr("cut.h5"), testing::HasSubstr("File too large"),
                               testing::Not(testing::HasSubstr("\n"))))
        << limit;
    std::filesystem::remove(path);
  }
  write_file(whole);
  EXPECT_EQ(std::filesystem::file_size(whole), bytes);
  EXPECT_EQ(File::open(whole).open_group("second").read_doubles("rows").size(), 20'000U);
}

// As on a filesystem that grants no lock: another holder refuses it just the same.
TEST(File, IsWrittenAndReadWithoutALock) {
  const test::TemporaryFolder folder;
  const std::filesystem::path path = folder.write("locked.h5", "");
  const int descriptor = ::open(path.c_str(), O_RDWR);
  ASSERT_EQ(::flock(descriptor, LOCK_EX | LOCK_NB), 0);
  write_file(path);
  EXPECT_EQ(File::open(path).open_group("first").read_strings("name").size(), 3U);
  ::close(descriptor);
}

}  // namespace
}  // namespace tunescope::hdf5
