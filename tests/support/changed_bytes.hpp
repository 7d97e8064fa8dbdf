#pragma once

#include <gmock/gmock.h>

#include <filesystem>
#include <string>

#include "support/temporary_folder.hpp"
#include "tunescope/base/error.hpp"

namespace tunescope::test {

/// That `read` refuses the file of this name whichever of its bytes has changed.
template <typename Read>
void expect_changes_are_refused(const TemporaryFolder& folder, const std::string& name, Read read) {
  const std::string whole = read_bytes(folder.path() / name);
  for (std::size_t i = 0; i < whole.size(); i += 97) {
    std::string changed = whole;
    changed[i] ^= 16;
    folder.write(name, changed);
    EXPECT_THAT(message_of<Hdf5Error>([&] { read(folder.path() / name); }),
                ::testing::AnyOf(::testing::HasSubstr(name + ": is damaged"),
                                 ::testing::HasSubstr(name + ": has lost its checksum")))
        << i;
  }
}

}  // namespace tunescope::test
