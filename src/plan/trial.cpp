#include "tunescope/plan/trial.hpp"

#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include <algorithm>
#include <sstream>

#include "tunescope/base/hash.hpp"
#include "tunescope/plan/fisher_run.hpp"

namespace tunescope {

std::string InputHashes::serialize() const {
  std::string text = "model " + model + "\ntokenizer " + tokenizer + "\n";
  for (const auto& [task, hash] : tasks) text += task + " " + hash + "\n";
  return text;
}

InputHashes InputHashes::parse(const std::string& text) {
  std::istringstream stream(text);
  InputHashes hashes;
  std::string name;
  stream >> name >> hashes.model >> name >> hashes.tokenizer;
  for (std::string hash; stream >> name >> hash;) hashes.tasks[name] = hash;
  return hashes;
}

std::string Trial::description() const {
  std::string text = "tunescope trial 2\n";
  const auto add = [&](std::string_view key, const auto& value) { text += fmt::format("{} = {}\n", key, value); };
  add("task", task);
  text += task_definition;
  add("method", method.text());
  add("learning_rate", learning_rate);
  add("seed", seed);
  add("max_length", max_length);
  add("train_examples", train_examples);
  add("dev_examples", dev_examples);
  if (selection.source != SelectionRule::Source::kDev) add("selection", selection.text());
  add("epochs", options.epochs);
  add("max_steps", options.max_steps);
  add("batch_size", options.batch_size);
  add("warmup_fraction", options.warmup_fraction);
  add("schedule", options.schedule == ScheduleShape::kLinear ? "linear" : "constant");
  add("weight_decay", options.weight_decay);
  add("clip_norm", options.clip_norm);
  add("evaluate_every", options.evaluate_every);
  if (options.precision != Precision::kFloat32) add("precision", to_string(options.precision));
  add("dropout", options.dropout ? fmt::format("{}", *options.dropout) : "model");
  add("model", model_hash);
  add("tokenizer", tokenizer_hash);
  add("data", data_hash);
  if (!fisher_runs.empty()) add("fisher", fmt::format("{}", fmt::join(fisher_runs, " ")));
  return text;
}

std::string Trial::mask_id() const {
  if (fisher_runs.empty()) return "";
  std::string text = fmt::format("{}\n{}\n", method.text(), fmt::join(fisher_runs, " "));
  if (method.draws_scalars()) text += fmt::format("{}\n", seed);
  return sha256_hex(text).substr(0, 16);
}

std::string Trial::id() const { return sha256_hex(description()).substr(0, 16); }

Trial make_trial(const SweepSpec& spec, const InputHashes& hashes, const std::string& task) {
  return {.task = task,
          .task_definition = spec.find_task(task).definition(),
          .method = {},
          .max_length = spec.max_length,
          .train_examples = spec.train_examples,
          .dev_examples = spec.dev_examples,
          .selection = spec.selection,
          .options = spec.train,
          .model_hash = hashes.model,
          .tokenizer_hash = hashes.tokenizer,
          .data_hash = hashes.tasks.at(task)};
}

std::vector<Trial> expand_trials(const SweepSpec& spec, const InputHashes& hashes) {
  std::vector<Trial> trials;
  for (const std::string& task : spec.tasks) {
    for (const Method& method : spec.methods) {
      Trial trial = make_trial(spec, hashes, task);
      trial.method = method;
      for (const FisherRun& run : fisher_runs_of(spec, hashes, method, task)) trial.fisher_runs.push_back(run.id());
      std::sort(trial.fisher_runs.begin(), trial.fisher_runs.end());
      for (const double rate : spec.learning_rates_of(method)) {
        for (const std::uint64_t seed : spec.seeds) {
          trial.learning_rate = rate;
          trial.seed = seed;
          trials.push_back(trial);
        }
      }
    }
  }
  return trials;
}

}  // namespace tunescope
