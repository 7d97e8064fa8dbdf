#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace tunescope {

/// The number that a file of the Linux kernel, such as those under /sys, begins with; nothing if it has none.
std::optional<double> number_in(const std::filesystem::path& file);

/// The number after a word of such a file, such as "MemAvailable:" of /proc/meminfo.
std::optional<double> number_after(const std::filesystem::path& file, const std::string& word);

}  // namespace tunescope
