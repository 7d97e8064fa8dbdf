#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "tunescope/data/task.hpp"

namespace tunescope {

/// Whether labels are read from a file. Test files have none.
enum class Labels { kRead, kReadIfThere, kIgnore };

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
  RowTally empty = {};       ///< kept: a text of an own task is empty
  bool has_labels = true;    ///< whether labels were read

  /// One line for each of these that occurs, without the file's name.
  std::vector<std::string> warnings() const;
};

/// Reads a file of a task: JSON lines if its name ends in `.jsonl`, otherwise tab-separated values. Throws `DataError`
/// (file, line, remedy) as the reader of its format does.
RawExamples read_examples(const std::filesystem::path& path, const Task& task, Labels labels);

}  // namespace tunescope
