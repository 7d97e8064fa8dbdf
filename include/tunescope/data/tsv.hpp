#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "tunescope/data/task.hpp"

namespace tunescope {

/// Whether labels are read from the file. Test files have none.
enum class Labels { kRead, kIgnore };

/// One row of a task's file: its texts and its label as they are written.
struct RawExample {
  std::string first;
  std::string second;    ///< empty for a single-sentence task
  std::string label;     ///< empty if the file has no labels
  std::size_t line = 0;  ///< line number in the file, from 1
};

/// Counts rows with something in common, and remembers the lines of the first ones.
struct RowTally {
  std::size_t count = 0;
  std::vector<std::size_t> first_lines;  ///< at most five

  void add(std::size_t line);
};

/// The rows of one file, which rows were skipped, and which others look suspicious.
struct RawExamples {
  std::vector<RawExample> examples;
  RowTally malformed = {};   ///< skipped: the number of columns is wrong
  RowTally damaged = {};     ///< kept: not UTF-8, or with NUL bytes, which the tokenizer drops
  RowTally csv_quoted = {};  ///< kept: texts have CSV quotes, which count as text
  Labels labels = Labels::kRead;

  /// One line for each of the three that occurs, without the file's name.
  std::vector<std::string> warnings() const;
};

/// Reads a GLUE file. Values are separated by tabs and never quoted, and columns are found by their names in the
/// header. A file may have passed through editors and spreadsheets, so a byte-order mark, any kind of line end, blank
/// lines and a missing final newline are tolerated. A row with a wrong number of columns is skipped and counted. Throws
/// `DataError` (file, line, remedy) if the file or a column is missing, it is not text (see `read_text`), it has no
/// rows, or more than 1 % of its rows are malformed.
RawExamples read_examples(const std::filesystem::path& path, const Task& task, Labels labels);

/// Whether a GLUE file has the column of the task's labels. Throws `DataError` as `read_examples` if it is missing or
/// empty.
bool has_labels(const std::filesystem::path& path, const Task& task);

}  // namespace tunescope
