#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "support/golden.hpp"
#include "support/temporary_folder.hpp"

namespace tunescope::test {

inline std::filesystem::path golden_tokenizer() { return golden("tokenizer"); }

inline nlohmann::json read_json(const std::filesystem::path& file) { return nlohmann::json::parse(read_bytes(file)); }

}  // namespace tunescope::test
