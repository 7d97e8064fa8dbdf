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

/// Writes a small synthetic GLUE, so that the program can be tried and tested without a download: all eight tasks, with
/// the official file names, columns and quirks. The sentences are built from word lists by a seeded generator, and each
/// label follows from a simple rule, which a pre-trained model learns in about a hundred steps (docs/demo.md). The
/// files have the same bytes on every machine.
void write_demo(const std::filesystem::path& folder, const DemoSizes& sizes);

}  // namespace tunescope
