#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "tunescope/data/task.hpp"

namespace tunescope {

/// One row of a task's file: its texts and its label as written.
struct RawExample {
  std::string first;
  std::string second;    ///< empty for a single-sentence task
  std::string label;     ///< empty where the file has no labels
  std::size_t line = 0;  ///< in the file, from 1
};

/// The rows of one file, and what was left out.
struct RawExamples {
  std::vector<RawExample> examples;
  std::size_t malformed_rows = 0;
  std::vector<std::size_t> first_malformed_lines;  ///< at most five
};

/// Whether the file's labels are read: test files have none.
enum class Labels { kRead, kIgnore };

/// Reads a GLUE file: tab-separated, no quoting, columns found by the header's names. A byte-order mark, CRLF line ends
/// and a missing final newline are tolerated. Rows with a wrong number of columns are left out and counted. Throws
/// `DataError` (file, line, remedy) where the file or a column is missing, it has no rows, or more than 1 % of the
/// rows are malformed.
RawExamples read_examples(const std::filesystem::path& path, const Task& task, Labels labels);

}  // namespace tunescope
