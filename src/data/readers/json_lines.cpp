#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "readers.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/text/text_file.hpp"

namespace tunescope {
namespace {

using Json = nlohmann::json;

// A line of the file: an object whose fields the columns name.
class JsonRow {
 public:
  JsonRow(std::string_view line, std::string place)
      : place_(std::move(place)), object_(Json::parse(line, nullptr, /*allow_exceptions=*/false)) {
    if (!object_.is_object()) fail(fmt::format("'{}' is no JSON object; each line is one", shortened(line)));
  }

  bool has(const std::string& field) const { return object_.contains(field); }

  std::string text(const std::string& field) const {
    const Json& value = at(field);
    if (!value.is_string()) fail(fmt::format("'{}' is no string", field));
    return value.get<std::string>();
  }

  std::string label(const std::string& field) const {
    const Json& value = at(field);
    if (value.is_string()) return value.get<std::string>();
    if (!value.is_number() && !value.is_boolean()) fail(fmt::format("'{}' is no string, number or boolean", field));
    return value.dump();
  }

 private:
  const Json& at(const std::string& field) const {
    const auto found = object_.find(field);
    if (found != object_.end()) return *found;
    std::vector<std::string> fields;
    for (const auto& item : object_.items()) fields.push_back(item.key());
    fail(fmt::format("no field '{}'; found: {}", field, shortened(fmt::format("{}", fmt::join(fields, ", ")))));
  }

  [[noreturn]] void fail(const std::string& problem) const { throw DataError(place_ + ": " + problem); }

  std::string place_;  // file and line
  Json object_;
};

}  // namespace

RawExamples read_json_lines(const std::filesystem::path& path, const Task& task, Labels labels) {
  const std::string text = read_text(path);
  refuse_damage(text, path);
  RawExamples result{.examples = {}, .has_labels = labels == Labels::kRead};
  LineReader lines(text);
  while (const std::optional<std::string_view> line = lines.next()) {
    if (line->find_first_not_of(" \t") == std::string_view::npos) continue;
    const JsonRow row(*line, fmt::format("{}:{}", path.string(), lines.number()));
    if (labels == Labels::kReadIfThere && result.examples.empty()) result.has_labels = row.has(task.label_column);
    result.examples.push_back({.first = row.text(task.text_columns.front()),
                               .second = task.text_columns.size() > 1 ? row.text(task.text_columns[1]) : "",
                               .label = result.has_labels ? row.label(task.label_column) : "",
                               .line = lines.number()});
    const RawExample& added = result.examples.back();
    if (find_damage(added.first) || find_damage(added.second)) result.damaged.add(added.line);  // an escaped NUL
  }
  if (result.examples.empty()) throw DataError(fmt::format("{}: has no rows", path.string()));
  return result;
}

}  // namespace tunescope
