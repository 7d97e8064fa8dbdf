#include "tunescope/data/examples.hpp"

#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include "readers/readers.hpp"
#include "tunescope/base/error.hpp"

namespace tunescope {
namespace {

constexpr std::size_t kReportedLines = 5;

bool is_empty_text(std::string_view text) { return text.find_first_not_of(" \t") == std::string_view::npos; }

void count_empty_texts(RawExamples& raw, const Task& task) {
  const bool is_pair = task.text_columns.size() > 1;
  for (const RawExample& example : raw.examples) {
    if (is_empty_text(example.first) || (is_pair && is_empty_text(example.second))) raw.empty.add(example.line);
  }
}

}  // namespace

void RowTally::add(std::size_t line) {
  ++count;
  if (first_lines.size() < kReportedLines) first_lines.push_back(line);
}

std::vector<std::string> RawExamples::warnings() const {
  std::vector<std::string> lines;
  const auto add = [&](const RowTally& rows, std::string_view format) {
    if (rows.count == 0) return;
    lines.push_back(fmt::format(fmt::runtime(format), rows.count, fmt::join(rows.first_lines, ", ")));
  };
  add(malformed, "left out {} rows with a wrong number of columns (first at line {})");
  add(damaged,
      "{} rows are not UTF-8 or hold NUL bytes (first at line {}); the model does not see those bytes. Convert the "
      "file, e.g. iconv -f LATIN1 -t UTF-8 FILE > NEW");
  add(empty, "{} rows have an empty text (first at line {}); the model sees them nevertheless");
  add(csv_quoted,
      "{} rows have a text in the quotes of CSV (first at line {}); the model sees the quotes, which the official "
      "file does not have. Write it without quoting: pandas' to_csv(sep='\\t', quoting=csv.QUOTE_NONE)");
  return lines;
}

RawExamples read_examples(const std::filesystem::path& path, const Task& task, Labels labels) {
  const bool is_json_lines = path.extension() == ".jsonl";
  RawExamples raw = is_json_lines ? read_json_lines(path, task, labels) : read_tsv(path, task, labels);
  if (task.is_own) count_empty_texts(raw, task);  // the official files of GLUE have some
  return raw;
}

}  // namespace tunescope
