#include "tunescope/device/energy.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "support/temporary_folder.hpp"

namespace tunescope {
namespace {

// A machine whose first package has used 5 J and whose second has used 7 J, and the parts of them that Linux shows too.
class Energy : public ::testing::Test {
 protected:
  Energy() {
    write_zone("intel-rapl:0", "package-0", 5'000'000);
    write_zone("intel-rapl:1", "package-1", 7'000'000);
    write_zone("intel-rapl:0:0", "core", 1'000'000);
    write_zone("intel-rapl:2", "psys", 90'000'000);
    write_zone("intel-rapl-mmio:0", "package-0", 5'000'000);
    root_.write("sys/class/powercap/intel-rapl/enabled", "1\n");
  }

  void write_zone(const std::string& zone, const std::string& name, std::int64_t microjoules) {
    const std::string folder = "sys/class/powercap/" + zone + "/";
    root_.write(folder + "name", name + "\n");
    root_.write(folder + "energy_uj", std::to_string(microjoules) + "\n");
    root_.write(folder + "max_energy_range_uj", "100000000\n");
  }
  EnergyMeter meter() const { return EnergyMeter(cpu_energy_counters(root_.path())); }

  test::TemporaryFolder root_;
};

TEST_F(Energy, IsTheSumOverPackagesSinceTheMeterWasMade) {
  EnergyMeter meter = this->meter();
  EXPECT_EQ(meter.joules(), 0.0);
  write_zone("intel-rapl:0", "package-0", 8'000'000);
  write_zone("intel-rapl:1", "package-1", 7'500'000);
  write_zone("intel-rapl:0:0", "core", 2'000'000);
  write_zone("intel-rapl-mmio:0", "package-0", 8'000'000);
  EXPECT_DOUBLE_EQ(meter.joules(), 3.5);
  write_zone("intel-rapl:1", "package-1", 9'500'000);
  EXPECT_DOUBLE_EQ(meter.joules(), 5.5);
}

TEST_F(Energy, IsCountedOnWhenACounterStartsAgainFromZero) {
  EnergyMeter meter = this->meter();
  write_zone("intel-rapl:0", "package-0", 1'000'000);
  EXPECT_DOUBLE_EQ(meter.joules(), 96.0);
  std::filesystem::remove(root_.path() / "sys/class/powercap/intel-rapl:0/max_energy_range_uj");
  EnergyMeter without_range = this->meter();
  write_zone("intel-rapl:1", "package-1", 6'000'000);
  EXPECT_DOUBLE_EQ(without_range.joules(), 99.0) << "that zone's counter has not started again";
}

TEST_F(Energy, IsNotANumberIfACounterCannotBeRead) {
  EnergyMeter meter = this->meter();
  std::filesystem::remove(root_.path() / "sys/class/powercap/intel-rapl:1/energy_uj");
  EXPECT_TRUE(std::isnan(meter.joules()));
  write_zone("intel-rapl:1", "package-1", 9'000'000);
  EXPECT_TRUE(std::isnan(meter.joules())) << "what was used meanwhile is not known";
}

TEST(EnergyMeter, WithoutCountersIsNotANumber) {
  const test::TemporaryFolder empty;
  EXPECT_TRUE(cpu_energy_counters(empty.path()).empty());
  EXPECT_TRUE(std::isnan(EnergyMeter({}).joules()));
}

}  // namespace
}  // namespace tunescope
