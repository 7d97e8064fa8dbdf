#include "tunescope/model/export/exported_model.hpp"

#include "tunescope/base/error.hpp"

namespace tunescope {

void check_export_folder(const std::filesystem::path& folder) {
  const bool is_free =
      !std::filesystem::exists(folder) || (std::filesystem::is_directory(folder) && std::filesystem::is_empty(folder));
  if (!is_free) throw ConfigError(folder.string() + ": exists; name a folder that does not, or an empty one");
}

}  // namespace tunescope
