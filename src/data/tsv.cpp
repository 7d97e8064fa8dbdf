#include "tunescope/data/tsv.hpp"

#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "tunescope/error.hpp"

namespace tunescope {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::size_t kReportedLines = 5;
constexpr std::size_t kRowsPerToleratedError = 100;

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file || std::filesystem::is_directory(path)) {
    throw DataError(
        fmt::format("{}: no such file; the official GLUE layout is expected below [data] glue", path.string()));
  }
  return {std::istreambuf_iterator<char>(file), {}};
}

// Takes the next line off `text`, without its line end.
std::string_view take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

void split_columns(std::string_view line, std::vector<std::string_view>& columns) {
  columns.clear();
  for (;;) {
    const std::size_t tab = line.find('\t');
    columns.push_back(line.substr(0, tab));
    if (tab == std::string_view::npos) return;
    line.remove_prefix(tab + 1);
  }
}

// Where the wanted columns stand in a row.
struct Layout {
  std::size_t column_count = 0;
  std::vector<std::size_t> texts;
  std::size_t label = 0;
};

std::size_t find_column(const std::vector<std::string_view>& columns, std::string_view wanted,
                        const std::filesystem::path& path) {
  const auto found = std::find(columns.begin(), columns.end(), wanted);
  if (found == columns.end()) {
    throw DataError(
        fmt::format("{}:1: no column '{}' in the header; found: {}", path.string(), wanted, fmt::join(columns, ", ")));
  }
  return static_cast<std::size_t>(found - columns.begin());
}

Layout find_layout(const std::vector<std::string_view>& columns, const Task& task, Labels labels,
                   const std::filesystem::path& path) {
  Layout layout{.column_count = columns.size(), .texts = {}};
  for (const std::string_view name : task.text_columns) layout.texts.push_back(find_column(columns, name, path));
  if (labels == Labels::kRead) layout.label = find_column(columns, task.label_column, path);
  return layout;
}

// Train and dev files of CoLA have no header, its test file has one.
bool has_header(const std::vector<std::string_view>& first_row, const Task& task) {
  return task.headerless_columns.empty() ||
         std::find(first_row.begin(), first_row.end(), task.text_columns.front()) != first_row.end();
}

void refuse_mostly_malformed(const RawExamples& result, const std::filesystem::path& path, std::size_t columns) {
  const std::size_t rows = result.examples.size() + result.malformed_rows;
  if (rows == 0) throw DataError(fmt::format("{}: has no rows", path.string()));
  if (result.malformed_rows * kRowsPerToleratedError <= rows) return;
  throw DataError(
      fmt::format("{}: {} of {} rows do not have {} tab-separated columns (first at line {}); more than 1 % "
                  "malformed rows suggests a damaged file or another format",
                  path.string(), result.malformed_rows, rows, columns, fmt::join(result.first_malformed_lines, ", ")));
}

}  // namespace

RawExamples read_examples(const std::filesystem::path& path, const Task& task, Labels labels) {
  const std::string content = read_file(path);
  std::string_view text = content;
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  if (text.empty()) throw DataError(fmt::format("{}: the file is empty", path.string()));

  std::vector<std::string_view> columns;
  std::string_view rest = text;
  split_columns(take_line(rest), columns);
  const bool with_header = has_header(columns, task);
  const Layout layout = find_layout(with_header ? columns : task.headerless_columns, task, labels, path);
  if (with_header) text = rest;

  RawExamples result;
  for (std::size_t line_number = with_header ? 2 : 1; !text.empty(); ++line_number) {
    split_columns(take_line(text), columns);
    if (columns.size() != layout.column_count) {
      if (text.empty() && columns.size() == 1 && columns.front().empty()) break;
      ++result.malformed_rows;
      if (result.first_malformed_lines.size() < kReportedLines) result.first_malformed_lines.push_back(line_number);
      continue;
    }
    result.examples.push_back({.first = std::string(columns[layout.texts.front()]),
                               .second = layout.texts.size() > 1 ? std::string(columns[layout.texts[1]]) : "",
                               .label = labels == Labels::kRead ? std::string(columns[layout.label]) : "",
                               .line = line_number});
  }
  refuse_mostly_malformed(result, path, layout.column_count);
  return result;
}

}  // namespace tunescope
