#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <iterator>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "support/golden.hpp"
#include "support/temporary_folder.hpp"
#include "tunescope/text/read_tokenizer.hpp"

namespace tunescope::test {

inline std::filesystem::path golden_tokenizer() { return golden("tokenizer"); }

inline nlohmann::json read_json(const std::filesystem::path& file) { return nlohmann::json::parse(read_bytes(file)); }

inline void write_files(const TemporaryFolder& folder, const nlohmann::json& files) {
  for (const auto& file : files.items()) folder.write(file.key(), file.value().get<std::string>());
}

/// The keys `first`, `second` (or null) and `max_length` of a golden file's case.
inline Encoding encode(const Tokenizer& tokenizer, const nlohmann::json& test_case) {
  const std::string first = test_case["first"];
  const std::size_t max_length = test_case["max_length"];
  if (test_case["second"].is_null()) return tokenizer.encode(first, max_length);
  return tokenizer.encode_pair(first, test_case["second"].get<std::string>(), max_length);
}

/// Compares the ids of all texts of `STEM.inp` with `STEM.out`, one line each.
inline void expect_ids_of_llama_cpp(const Tokenizer& tokenizer, const std::filesystem::path& stem) {
  const std::string separator = "\n__ggml_vocab_test__\n";
  std::string texts = read_bytes(stem.string() + ".inp");
  std::istringstream lines(read_bytes(stem.string() + ".out"));
  std::size_t compared = 0;
  for (std::string line; std::getline(lines, line); ++compared) {
    std::istringstream numbers(line);
    const std::vector<std::int32_t> expected{std::istream_iterator<std::int32_t>(numbers), {}};
    const std::size_t end = texts.find(separator);
    ASSERT_NE(end, std::string::npos);
    EXPECT_EQ(tokenizer.tokenize(texts.substr(0, end)), expected) << texts.substr(0, end);
    texts.erase(0, end + separator.size());
  }
  EXPECT_GT(compared, 40U);
}

}  // namespace tunescope::test
