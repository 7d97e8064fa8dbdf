#include "tunescope/results/ablation_record.hpp"

#include <spdlog/spdlog.h>

#include "schema.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/hdf5/sealed_file.hpp"
#include "tunescope/io/atomic_file.hpp"

namespace tunescope {

void write_ablation(const std::filesystem::path& path, const std::vector<AblationRow>& rows) {
  make_folder(path.parent_path());
  hdf5::write_sealed_file(path, [&](const hdf5::File& file) {
    schema::write_root_attributes(file, {.job_text = "", .is_complete = true});
    schema::write_table(file, "ablation", "row", rows, schema::kAblationColumns);
  });
}

std::vector<AblationRow> read_ablation(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) return {};
  try {
    const hdf5::File file = schema::open_sealed(path);
    return schema::read_table<AblationRow>(file.open_group("ablation"), schema::kAblationColumns,
                                           schema::version_of(file));
  } catch (const Hdf5Error& error) {
    spdlog::warn("{}; it does not count, and the next sweep computes it again", error.what());
    return {};
  }
}

}  // namespace tunescope
