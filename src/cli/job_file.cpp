#include "tunescope/cli/job_file.hpp"

#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include <algorithm>
#include <limits>
#include <set>

#include "job/file_values.hpp"
#include "job/own_task_keys.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/cli/job_keys.hpp"
#include "tunescope/text/deceptive_character.hpp"
#include "tunescope/text/text_file.hpp"

namespace tunescope::cli {
namespace {

constexpr int kPrecedenceOfOptions = 1;

// What was given for a key: one value, or one for each method. The last one counts.
std::vector<Value> given_values(const JobKey& key, const std::vector<Value>& values) {
  std::vector<Value> given;
  for (const Value& value : values) {
    if (!key.takes(value)) continue;
    std::erase_if(given, [&](const Value& earlier) { return earlier.key == value.key; });
    given.push_back(value);
  }
  return given;
}

// The section of a key, as it stands in brackets, and the key's name in it.
std::pair<std::string, std::string> split_key(const std::string& key) {
  const bool is_of_own_task = key.starts_with(kOwnTask);
  const std::size_t dot = is_of_own_task ? key.rfind('.') : key.find('.');
  if (dot == std::string::npos) return {"", key};
  std::string section = key.substr(0, dot);
  if (is_of_own_task) section.replace(0, kOwnTask.size(), "task ");
  return {section, key.substr(dot + 1)};
}

// The job as it was run, where more than one file gives it, or options have changed it: every value, by section.
std::string render(const std::vector<Value>& values) {
  std::vector<std::pair<std::string, std::string>> sections = {{"", ""}};  // what stands in brackets, and the lines
  for (const JobKey& key : job_keys()) {
    for (const Value& given : given_values(key, values)) {
      const auto [section, name] = split_key(given.key);
      auto found = std::ranges::find(sections, section, [](const auto& entry) { return entry.first; });
      if (found == sections.end()) found = sections.emplace(sections.end(), section, "");
      found->second += fmt::format("{} = {}\n", name, given.text);
    }
  }
  std::string text;
  for (const auto& [section, lines] : sections) {
    text += section.empty() ? lines : fmt::format("\n[{}]\n{}", section, lines);
  }
  return text;
}

Value value_of_option(const std::string& key, const std::string& text) {
  const std::string origin = "option --" + key;
  if (const auto damage = find_damage(text)) {
    throw ConfigError(fmt::format("{}: {}; it is stored with the results: give a value, or rename the path, in UTF-8",
                                  origin, *damage));
  }
  Value value{canonical_key(key, origin), trimmed(text), origin, kPrecedenceOfOptions};
  refuse_unknown_key(value);
  return value;
}

// If a refused value holds characters that nobody sees, they are the likely reason.
void assign(const JobKey& key, const Value& value, SweepSpec& spec) {
  try {
    key.assign(spec, value);
  } catch (const ConfigError& error) {
    const auto character = find_deceptive_character(value.text);
    if (!character) throw;
    throw ConfigError(fmt::format("{}; the value holds {}: type it again", error.what(), *character));
  }
}

// Of the job's methods and, if the job says that Fisher information is computed, of the training that it measures.
std::set<std::string> trained_kinds(const SweepSpec& spec, const std::vector<Value>& values) {
  std::set<std::string> kinds;
  for (const Method& method : spec.methods) kinds.insert(method.kind());
  const bool is_measured =
      std::ranges::any_of(spec.methods, [](const Method& method) { return method.fisher_part() != nullptr; }) ||
      std::ranges::any_of(values, [](const Value& value) { return value.key.starts_with("fisher."); });
  if (is_measured) kinds.insert(spec.fisher.at.kind());
  return kinds;
}

// Of the value that counts.
int precedence_of(std::string_view key, const std::vector<Value>& values) {
  int precedence = std::numeric_limits<int>::min();
  for (const Value& value : values) {
    if (value.key == key) precedence = value.precedence;
  }
  return precedence;
}

// Learning rates of a method that is not trained are refused, but for those of a file whose methods are replaced, by
// an option or by the file that includes it: they are left out.
void settle_rates_of_untrained_methods(SweepSpec& spec, std::vector<Value>& values) {
  const std::set<std::string> trained = trained_kinds(spec, values);
  const int precedence_of_methods = precedence_of("sweep.methods", values);
  std::erase_if(values, [&](const Value& value) {
    if (!value.key.starts_with(kLearningRatesOf)) return false;
    const std::string kind = value.key.substr(kLearningRatesOf.size());
    if (trained.contains(kind)) return false;
    if (value.precedence >= precedence_of_methods) {
      throw ConfigError(
          fmt::format("{}: {}: the job does not train '{}', only {}; add it to [sweep] methods, or leave out the key",
                      value.origin, value.key, kind, fmt::join(trained, ", ")));
    }
    spec.learning_rates_of_kind.erase(kind);
    return true;
  });
}

// The value that counts of a key that has one.
const Value& last_value_of(std::string_view key, const std::vector<Value>& values) {
  return *std::find_if(values.rbegin(), values.rend(), [&](const Value& given) { return given.key == key; });
}

// Screening that leaves nothing out is a mistake.
void refuse_idle_screening(const SweepSpec& spec, const std::vector<Value>& values) {
  if (!spec.screening.is_on()) return;
  const Value& value = last_value_of("sweep.screening", values);
  if (spec.screening.seeds >= spec.seeds.size()) {
    refuse(value, fmt::format("seeds:N below the number of [sweep] seeds, {}, so that some are left for the learning "
                              "rates that are kept; or off",
                              spec.seeds.size()));
  }
  std::size_t most = 0;
  for (const Method& method : spec.methods) most = std::max(most, spec.learning_rates_of(method).size());
  if (spec.screening.keep < most) return;
  refuse(value,
         fmt::format("keep:K below the most learning rates of a method, {}, so that some are left out; or off", most));
}

// What the stage would find out after all training.
void refuse_ablation_without_models(const SweepSpec& spec, const std::vector<Value>& values) {
  if (spec.ablation.groups.empty()) return;
  const Value& groups = last_value_of("ablation.groups", values);
  if (spec.keep != KeepWeights::kTrained && spec.keep != KeepWeights::kBest) {
    refuse(groups, "run.keep = trained or best beside it, for the trained models are ablated; or none");
  }
  for (const Method& method : spec.ablation.methods) {
    const auto is_same = [&](const Method& trained) { return trained.text() == method.text(); };
    if (method.adds_tensors())
      refuse(groups, "ablation.methods that add nothing to the model, unlike " + method.text());
    if (std::ranges::none_of(spec.methods, is_same)) {
      refuse(groups, fmt::format("ablation.methods among [sweep] methods, unlike {}; or none", method.text()));
    }
  }
}

// A job of the cache's name would lose its results when somebody clears the cache.
void refuse_cache_as_job_folder(const SweepSpec& spec) {
  const bool is_same = (spec.job_folder() / "").lexically_normal() == (spec.cache_folder / "").lexically_normal();
  if (!is_same || std::filesystem::exists(spec.job_folder() / "trials")) return;
  throw ConfigError(
      fmt::format("name = {}: its results would lie in the folder of tokenized data, {}; choose another "
                  "name, or another folder with [data] cache",
                  spec.name, spec.cache_folder.string()));
}

}  // namespace

SweepSpec read_job(const std::filesystem::path& path,
                   const std::vector<std::pair<std::string, std::string>>& overrides) {
  auto [text, is_whole, values] = read_file_values(path);
  for (const auto& [key, value] : overrides) values.push_back(value_of_option(key, value));
  SweepSpec spec;
  for (const JobKey& key : job_keys()) {
    std::vector<Value> given = given_values(key, values);
    if (given.empty() && !key.is_pattern()) {
      if (key.default_value.empty()) {
        throw ConfigError(fmt::format("{}: key '{}' is missing: {}", path.string(), key.name, key.help));
      }
      given.push_back({key.name, key.default_value, "default"});
    }
    for (const Value& value : given) assign(key, value, spec);
  }
  settle_own_tasks(spec, values);
  settle_rates_of_untrained_methods(spec, values);
  refuse_idle_screening(spec, values);
  refuse_ablation_without_models(spec, values);
  refuse_cache_as_job_folder(spec);
  spec.job_text = is_whole && overrides.empty() ? text : render(values);
  return spec;
}

}  // namespace tunescope::cli
