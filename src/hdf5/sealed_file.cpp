#include "tunescope/hdf5/sealed_file.hpp"

#include "tunescope/io/atomic_file.hpp"
#include "tunescope/io/sealed_file.hpp"

namespace tunescope::hdf5 {

void write_sealed_file(const std::filesystem::path& path, const std::function<void(const File& file)>& fill) {
  write_atomically(path, [&](const std::filesystem::path& temporary) {
    File file = File::create(temporary);
    file.write_fixed_attribute("checksum", kEmptySeal);  // first, so that it is near the start of the file
    fill(file);
    file.close();
    seal_file(temporary);
  });
}

}  // namespace tunescope::hdf5
