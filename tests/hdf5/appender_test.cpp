#include "tunescope/hdf5/appender.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <numeric>

#include "support/temporary_folder.hpp"
#include "tunescope/base/error.hpp"

namespace tunescope {
namespace {

using ::testing::HasSubstr;

std::vector<double> count_to(std::size_t count) {
  std::vector<double> values(count);
  std::iota(values.begin(), values.end(), 0.5);
  return values;
}

TEST(Appender, GivesWhatWritingAtOnceGives) {
  const test::TemporaryFolder folder;
  const hdf5::File file = hdf5::File::create(folder.path() / "a.h5");
  int number = 0;
  for (const hdf5::Shape& shape : {hdf5::Shape{0}, {0, 6}, {3}, {5, 2}, {200'000}, {70'000, 3}, {3, 100'000}}) {
    const std::vector<double> values = count_to(std::accumulate(shape.begin(), shape.end(), 1UL, std::multiplies<>()));
    const std::string name = std::to_string(number++);
    hdf5::Appender<double> appender(file, name, shape);
    for (std::size_t first = 0, length = 1; first < values.size(); first += length, length = length * 3 + 1) {
      length = std::min(length, values.size() - first);
      appender.append({values.data() + first, length});
    }
    appender.finish();
    EXPECT_EQ(file.shape(name), shape);
    EXPECT_EQ(file.read_doubles(name), values);
  }
}

TEST(Appender, KeepsWholeNumbers) {
  const test::TemporaryFolder folder;
  const hdf5::File file = hdf5::File::create(folder.path() / "a.h5");
  hdf5::Appender<std::int64_t> appender(file, "a", {100});
  for (std::int64_t i = 0; i < 100; ++i) appender.append(i << 50);
  appender.finish();
  EXPECT_EQ(file.read_integers("a").back(), std::int64_t{99} << 50);
}

TEST(Appender, RefusesMoreAndFewerRowsThanAnnounced) {
  const test::TemporaryFolder folder;
  const hdf5::File file = hdf5::File::create(folder.path() / "a.h5");
  hdf5::Appender<double> appender(file, "a", {3, 2});
  appender.append(count_to(5));
  EXPECT_THAT(test::message_of<Hdf5Error>([&] { appender.finish(); }), HasSubstr("a.h5:/a: 2 rows were written"));
  hdf5::Appender<double> full(file, "b", {3, 2});
  EXPECT_THAT(test::message_of<Hdf5Error>([&] { full.append(count_to(14)); }), HasSubstr("more rows"));
}

}  // namespace
}  // namespace tunescope
