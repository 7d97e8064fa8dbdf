#pragma once

#include <cstddef>
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

/// Rows with something in common: how many, and the lines of the first ones.
struct RowTally {
  std::size_t count = 0;
  std::vector<std::size_t> first_lines;  ///< at most five

  void add(std::size_t line);
};

/// The rows of one file, what was left out, and what is suspicious in the rest.
struct RawExamples {
  std::vector<RawExample> examples;
  RowTally malformed = {};   ///< left out: a wrong number of columns
  RowTally damaged = {};     ///< no UTF-8, or with NUL bytes, which the tokenizer drops
  RowTally csv_quoted = {};  ///< with texts quoted as in CSV, whose quotes count as text

  /// A line for each of the three that there is, without the file's name.
  std::vector<std::string> warnings() const;
};

/// Whether the file's labels are read: test files have none.
enum class Labels { kRead, kIgnore };

/// Reads a GLUE file: tab-separated, no quoting, columns found by the header's names. A byte-order mark, any kind of
/// line end, blank lines and a missing final newline are tolerated. Rows with a wrong number of columns are left out
/// and counted. Throws `DataError` (file, line, remedy) where the file or a column is missing, it is no text (see
/// `read_text`), it has no rows, or more than 1 % of the rows are malformed.
RawExamples read_examples(const std::filesystem::path& path, const Task& task, Labels labels);

}  // namespace tunescope
