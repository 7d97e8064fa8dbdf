#include <spdlog/fmt/fmt.h>

#include <algorithm>

#include "file_values.hpp"
#include "keys_of_every_job.hpp"
#include "own_task_keys.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/base/nearest.hpp"
#include "tunescope/cli/job_keys.hpp"

namespace tunescope::cli {

std::string_view JobKey::before() const { return std::string_view(name).substr(0, name.find(placeholder)); }

std::string_view JobKey::after() const {
  return std::string_view(name).substr(name.find(placeholder) + placeholder.size());
}

bool JobKey::takes(const Value& value) const {
  if (!is_pattern()) return value.key == name;
  return value.key.size() > before().size() + after().size() && value.key.starts_with(before()) &&
         value.key.ends_with(after());
}

std::string JobKey::name_beside(const std::string& other) const {
  const std::size_t dot = other.rfind('.');
  const bool is_of_task = is_pattern() && !after().empty() && other.starts_with(before()) && dot > before().size();
  return is_of_task ? other.substr(0, dot) + std::string(after()) : name;
}

const std::vector<JobKey>& job_keys() {
  static const std::vector<JobKey> keys = [] {
    std::vector<JobKey> all = keys_of_every_job();
    const std::vector<JobKey> own = own_task_keys();
    all.insert(std::ranges::find(all, "data.tasks", &JobKey::name), own.begin(), own.end());  // which names own tasks
    return all;
  }();
  return keys;
}

std::set<std::string> option_names() {
  std::set<std::string> names;
  for (const JobKey& key : job_keys()) names.insert(key.option_name());
  return names;
}

void refuse_unknown_key(const Value& value) {
  if (std::ranges::any_of(job_keys(), [&](const JobKey& key) { return key.takes(value); })) return;
  std::vector<std::string> known;
  for (const JobKey& key : job_keys()) known.push_back(key.name_beside(value.key));
  known.emplace_back(kInclude);
  throw ConfigError(fmt::format("{}: unknown key '{}'{}", value.origin, value.key, suggest(value.key, known)));
}

}  // namespace tunescope::cli
