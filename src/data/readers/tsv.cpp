#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include <algorithm>
#include <optional>

#include "readers.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/text/text_file.hpp"

namespace tunescope {
namespace {

constexpr std::size_t kRowsPerToleratedError = 100;

void split_columns(std::string_view line, std::vector<std::string_view>& columns) {
  columns.clear();
  for (;;) {
    const std::size_t tab = line.find('\t');
    columns.push_back(line.substr(0, tab));
    if (tab == std::string_view::npos) return;
    line.remove_prefix(tab + 1);
  }
}

// The positions of the columns that are read.
struct Layout {
  std::size_t column_count = 0;
  std::vector<std::size_t> texts;
  std::optional<std::size_t> label = {};
};

// The columns of a file, from its header or, for a file without one, from the description of the task.
struct Header {
  std::vector<std::string_view> columns;
  std::string place;  ///< file and line
};

std::size_t find_column(const Header& header, std::string_view wanted) {
  const auto found = std::find(header.columns.begin(), header.columns.end(), wanted);
  if (found == header.columns.end()) {
    const std::string names = fmt::format("{}", fmt::join(header.columns, ", "));
    throw DataError(fmt::format("{}: no column '{}' in the header; found: {}", header.place, wanted, shortened(names)));
  }
  return static_cast<std::size_t>(found - header.columns.begin());
}

Layout find_layout(const Header& header, const Task& task, Labels labels) {
  Layout layout{.column_count = header.columns.size(), .texts = {}};
  for (const std::string& name : task.text_columns) layout.texts.push_back(find_column(header, name));
  const bool is_there = std::ranges::find(header.columns, task.label_column) != header.columns.end();
  if (labels == Labels::kRead || (labels == Labels::kReadIfThere && is_there)) {
    layout.label = find_column(header, task.label_column);
  }
  return layout;
}

// CoLA's train and dev files have no header; its test file has one.
bool has_header(const std::vector<std::string_view>& first_row, const Task& task) {
  return task.headerless_columns.empty() ||
         std::find(first_row.begin(), first_row.end(), task.text_columns.front()) != first_row.end();
}

// The first line that is not blank.
std::string_view first_line(LineReader& lines, const std::filesystem::path& path) {
  std::optional<std::string_view> line = lines.next();
  while (line && line->find_first_not_of(" \t") == std::string_view::npos) line = lines.next();
  if (!line) throw DataError(fmt::format("{}: the file is empty", path.string()));
  return *line;
}

// Whether a line is blank or has nothing but tabs, which spreadsheets leave behind. A row cannot look like this, since
// its label is not empty.
bool is_blank(std::string_view line, std::size_t columns, const Layout& layout) {
  if (line.find_first_not_of(" \t") != std::string_view::npos) return false;
  return columns != layout.column_count || layout.label;
}

// Whether a text looks as CSV writers quote it: quotes at both ends, and doubled quotes inside.
bool is_csv_quoted(std::string_view text) {
  if (text.size() < 4 || text.front() != '"' || text.back() != '"') return false;
  text = text.substr(1, text.size() - 2);
  bool has_doubled = false;
  for (std::size_t quote = text.find('"'); quote != std::string_view::npos; quote = text.find('"', quote + 2)) {
    if (quote + 1 == text.size() || text[quote + 1] != '"') return false;
    has_doubled = true;
  }
  return has_doubled;
}

void add_row(RawExamples& result, const std::vector<std::string_view>& columns, const Layout& layout,
             const LineReader& lines) {
  result.examples.push_back({.first = std::string(columns[layout.texts.front()]),
                             .second = layout.texts.size() > 1 ? std::string(columns[layout.texts[1]]) : "",
                             .label = layout.label ? std::string(columns[*layout.label]) : "",
                             .line = lines.number()});
}

void refuse_mostly_malformed(const RawExamples& result, const std::filesystem::path& path, std::size_t columns) {
  const std::size_t rows = result.examples.size() + result.malformed.count;
  if (rows == 0) throw DataError(fmt::format("{}: has no rows", path.string()));
  if (result.malformed.count * kRowsPerToleratedError <= rows) return;
  throw DataError(
      fmt::format("{}: {} of {} rows do not have {} tab-separated columns (first at line {}); more than 1 % "
                  "malformed rows suggests a damaged file or another format",
                  path.string(), result.malformed.count, rows, columns, fmt::join(result.malformed.first_lines, ", ")));
}

}  // namespace

RawExamples read_tsv(const std::filesystem::path& path, const Task& task, Labels labels) {
  const std::string text = read_text(path);
  std::vector<std::string_view> columns;
  LineReader lines(text);
  std::optional<std::string_view> line = first_line(lines, path);
  split_columns(*line, columns);
  const bool with_header = has_header(columns, task);
  const std::vector<std::string_view> known_columns(task.headerless_columns.begin(), task.headerless_columns.end());
  const Layout layout = find_layout(
      {.columns = with_header ? columns : known_columns, .place = fmt::format("{}:{}", path.string(), lines.number())},
      task, labels);
  RawExamples result{.examples = {}, .has_labels = layout.label.has_value()};
  for (line = with_header ? lines.next() : line; line; line = lines.next()) {
    split_columns(*line, columns);
    if (is_blank(*line, columns.size(), layout)) continue;
    if (columns.size() != layout.column_count) {
      result.malformed.add(lines.number());
      continue;
    }
    add_row(result, columns, layout, lines);
    const RawExample& row = result.examples.back();
    if (find_damage(*line)) result.damaged.add(row.line);
    const bool is_quoted = is_csv_quoted(row.first) || is_csv_quoted(row.second);
    if (is_quoted && !task.is_officially_csv_quoted) result.csv_quoted.add(row.line);
  }
  refuse_mostly_malformed(result, path, layout.column_count);
  return result;
}

}  // namespace tunescope
