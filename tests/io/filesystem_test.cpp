#include "tunescope/io/filesystem.hpp"

#include <gtest/gtest.h>

#include "support/temporary_folder.hpp"
#include "tunescope/base/error.hpp"

namespace tunescope {
namespace {

TEST(FilesystemOf, NamesTheTypeThatTheKernelKnows) {
  EXPECT_EQ(filesystem_of("/proc/self").type, "proc");
  EXPECT_EQ(filesystem_of("/sys").type, "sysfs");
}

TEST(FilesystemOf, TellsTheRoomThatIsLeft) {
  const test::TemporaryFolder folder;
  const auto room = static_cast<double>(std::filesystem::space(folder.path()).available);
  EXPECT_NEAR(filesystem_of(folder.path()).free_bytes, room, 0.1 * room + 1e6);
}

TEST(FilesystemOf, ThrowsWithThePathIfThereIsNone) {
  const std::string message = test::message_of<EnvironmentError>([] { filesystem_of("/no/such/folder"); });
  EXPECT_NE(message.find("/no/such/folder"), std::string::npos);
}

}  // namespace
}  // namespace tunescope
