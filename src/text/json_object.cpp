#include "tunescope/text/json_object.hpp"

#include <fstream>
#include <unordered_set>
#include <utility>
#include <vector>

#include "tunescope/base/error.hpp"
#include "tunescope/io/hub_folder.hpp"

namespace tunescope {
namespace {

/// Copying and printing a value takes stack space for each level of nesting.
constexpr int kMaxDepth = 100;

/// Parses JSON. Throws `DataError` if an object has a key twice: the parser would silently keep only the last one, and
/// a vocabulary would lose a token.
nlohmann::json parse_without_repeated_keys(std::istream& stream, const std::filesystem::path& file) {
  using Event = nlohmann::json::parse_event_t;
  std::vector<std::unordered_set<std::string>> open_objects;
  return nlohmann::json::parse(stream, [&](int depth, Event event, nlohmann::json& parsed) {
    if (depth > kMaxDepth) {
      throw DataError(file.string() + " nests values more than " + std::to_string(kMaxDepth) +
                      " deep, which no tokenizer does: fetch the file again");
    }
    if (event == Event::object_start) open_objects.emplace_back();
    if (event == Event::object_end) open_objects.pop_back();
    if (event == Event::key && !open_objects.back().insert(parsed.get<std::string>()).second) {
      throw DataError(file.string() + " has the key " + parsed.dump() + " twice in one object: remove one");
    }
    return true;
  });
}

}  // namespace

JsonObject::JsonObject(std::filesystem::path file, std::string place, nlohmann::json value)
    : file_(std::move(file)), place_(std::move(place)), value_(std::move(value)) {}

JsonObject JsonObject::read(const std::filesystem::path& file) {
  if (const std::string problem = git_lfs_problem(file); !problem.empty()) throw DataError(problem);
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw DataError(file.string() + " cannot be read: check that it exists and its permissions");
  nlohmann::json value;
  try {
    value = parse_without_repeated_keys(stream, file);
  } catch (const nlohmann::json::exception& error) {
    throw DataError(file.string() + " is not valid JSON (" + error.what() + "): fetch the file again or repair it");
  }
  if (!value.is_object()) {
    throw DataError(file.string() + " holds a JSON " + value.type_name() +
                    " where an object is expected: fetch the file again");
  }
  return {file, "", std::move(value)};
}

void JsonObject::fail(const std::string& key, const std::string& problem) const {
  throw DataError(file_.string() + ": '" + place_ + key + "' " + problem);
}

bool JsonObject::has(const std::string& key) const {
  const auto found = value_.find(key);
  return found != value_.end() && !found->is_null();
}

const nlohmann::json& JsonObject::at(const std::string& key) const {
  const auto found = value_.find(key);
  if (found == value_.end()) fail(key, "is missing: save the tokenizer again with transformers");
  return *found;
}

JsonObject JsonObject::object(const std::string& key) const {
  const nlohmann::json& found = at(key);
  if (!found.is_object()) fail(key, std::string("is ") + found.type_name() + " where an object is expected");
  return {file_, place_ + key + ".", found};
}

std::string JsonObject::text(const std::string& key) const {
  const nlohmann::json& found = at(key);
  if (!found.is_string()) fail(key, std::string("is ") + found.type_name() + " where a string is expected");
  return found.get<std::string>();
}

std::size_t JsonObject::number(const std::string& key) const {
  const nlohmann::json& found = at(key);
  if (!found.is_number_unsigned()) fail(key, "is " + found.dump() + " where a whole number from 0 is expected");
  return found.get<std::size_t>();
}

bool JsonObject::boolean(const std::string& key) const {
  const nlohmann::json& found = at(key);
  if (!found.is_boolean()) fail(key, "is " + found.dump() + " where true or false is expected");
  return found.get<bool>();
}

std::optional<bool> JsonObject::optional_boolean(const std::string& key) const {
  if (at(key).is_null()) return std::nullopt;
  return boolean(key);
}

std::vector<JsonObject> JsonObject::objects(const std::string& key) const {
  const nlohmann::json& found = at(key);
  if (!found.is_array()) fail(key, std::string("is ") + found.type_name() + " where an array is expected");
  std::vector<JsonObject> elements;
  for (std::size_t index = 0; index < found.size(); ++index) {
    const std::string name = key + "[" + std::to_string(index) + "]";
    if (!found[index].is_object()) fail(name, "is not an object");
    elements.push_back({file_, place_ + name + ".", found[index]});
  }
  return elements;
}

}  // namespace tunescope
