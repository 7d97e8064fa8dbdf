#pragma once

#include <filesystem>

#include "tunescope/data/examples.hpp"

namespace tunescope {

/// Reads tab-separated values, as GLUE's. Values are never quoted, and columns are found by their names in the header.
/// A file may have passed through editors and spreadsheets, so a byte-order mark, any kind of line end, blank lines and
/// a missing final newline are tolerated. A row with a wrong number of columns is skipped and counted. Throws
/// `DataError` (file, line, remedy) if the file or a column is missing, it is not text (see `read_text`), it has no
/// rows, or more than 1 % of its rows are malformed.
RawExamples read_tsv(const std::filesystem::path& path, const Task& task, Labels labels);

/// Reads JSON lines: an object per line, whose fields are the columns. Texts are strings; a label may be a number or a
/// boolean, which counts as it is written in JSON. Blank lines are skipped, and rows with an escaped NUL counted.
/// Throws `DataError` (file, line, remedy) if the file is missing or not UTF-8, a line is no object, a field is missing
/// or of another type, or there are no rows.
RawExamples read_json_lines(const std::filesystem::path& path, const Task& task, Labels labels);

}  // namespace tunescope
