#pragma once

#include <cstdint>
#include <filesystem>

namespace tunescope {

/// Sizes of the synthetic data sets.
struct DemoSizes {
  std::int64_t train = 1200;
  std::int64_t dev = 200;
  std::int64_t test = 40;
};

/// Writes a small synthetic GLUE: all eight tasks with the official files, columns and quirks, in sentences whose
/// labels follow from simple rules, which a pre-trained model learns in about a hundred steps (docs/demo.md). Always
/// the same bytes.
void write_demo(const std::filesystem::path& folder, const DemoSizes& sizes);

}  // namespace tunescope
