#include "tunescope/plan/fisher_run.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <set>

#include "tunescope/base/error.hpp"
#include "tunescope/base/hash.hpp"

namespace tunescope {
namespace {

Trial training_of(const SweepSpec& spec, const InputHashes& hashes, const std::string& task, std::uint64_t seed) {
  Trial training = make_trial(spec, hashes, task);
  training.method = spec.fisher.at;
  training.learning_rate =
      spec.fisher.learning_rate > 0.0 ? spec.fisher.learning_rate : spec.learning_rates_of(training.method).front();
  training.seed = seed;
  return training;
}

// With two classes or one output a single example's square is the same for every draw.
std::int64_t draws_of(const SweepSpec& spec, const FisherRun& run) {
  const bool is_random = spec.find_task(run.training.task).output_size() > 2 || run.batch_size > 1;
  return run.mode == FisherMode::kHutchinson && is_random ? spec.fisher.draws : 1;
}

// The run that methods choose by.
FisherRun first_run(const SweepSpec& spec, const InputHashes& hashes, const std::string& task) {
  const FisherSpec& fisher = spec.fisher;
  FisherRun run{.training = training_of(spec, hashes, task, fisher.seeds.front()),
                .point = fisher.points.front(),
                .mode = fisher.modes.front(),
                .examples = fisher.examples.front(),
                .batch_size = fisher.batch_sizes.front(),
                .parameters = fisher.parameters,
                .keep = fisher.keep,
                .precision = fisher.precision};
  run.draws = draws_of(spec, run);
  return run;
}

void refuse_exact_batches() {
  throw ConfigError(
      "[fisher] mode = true is an exact expectation for single examples and needs batch_sizes = 1; larger batches go "
      "with empirical, sampled and hutchinson");
}

}  // namespace

std::string FisherRun::description() const {
  std::string text = "tunescope fisher 1\n";
  const auto add = [&](std::string_view key, const auto& value) { text += fmt::format("{} = {}\n", key, value); };
  add("point", point);
  add("mode", fisher_mode_name(mode));
  add("examples", examples);
  add("batch_size", batch_size);
  add("parameters", parameters);
  add("keep", keep);
  if (precision != Precision::kFloat32) add("precision", to_string(precision));
  if (draws != 1) add("draws", draws);
  return text + training.description();
}

std::string FisherRun::id() const { return sha256_hex(description()).substr(0, 16); }

std::vector<FisherRun> expand_fisher_runs(const SweepSpec& spec, const InputHashes& hashes) {
  std::vector<FisherRun> runs;
  for (const std::string& task : spec.tasks) {
    FisherRun run = first_run(spec, hashes, task);
    for (const std::uint64_t seed : spec.fisher.seeds) {
      run.training = training_of(spec, hashes, task, seed);
      for (const double point : spec.fisher.points) {
        run.point = point;
        for (const FisherMode mode : spec.fisher.modes) {
          run.mode = mode;
          for (const std::int64_t examples : spec.fisher.examples) {
            run.examples = examples;
            for (const std::int64_t batch_size : spec.fisher.batch_sizes) {
              run.batch_size = batch_size;
              run.draws = draws_of(spec, run);
              if (mode != FisherMode::kTrue || batch_size == 1) runs.push_back(run);
            }
          }
        }
      }
    }
  }
  if (runs.empty()) refuse_exact_batches();
  return runs;
}

std::vector<FisherRun> fisher_runs_of(const SweepSpec& spec, const InputHashes& hashes, const Method& method,
                                      const std::string& task) {
  const MethodPart* const part = method.fisher_part();
  if (part == nullptr) return {};
  const std::string& scope = part->options.at("scope");
  std::vector<FisherRun> runs;
  for (const std::string& other : spec.tasks) {
    if ((scope == "task" && other != task) || (scope == "leave-one-out" && other == task)) continue;
    runs.push_back(first_run(spec, hashes, other));
    if (runs.back().mode == FisherMode::kTrue && runs.back().batch_size > 1) refuse_exact_batches();
  }
  if (runs.empty()) {
    throw ConfigError("method '" + method.text() +
                      "' needs at least two tasks in [data] tasks: it chooses by all but "
                      "the trial's own");
  }
  return runs;
}

std::vector<FisherRun> needed_fisher_runs(const SweepSpec& spec, const InputHashes& hashes) {
  std::vector<FisherRun> needed;
  std::set<std::string> known;
  for (const Method& method : spec.methods) {
    for (const std::string& task : spec.tasks) {
      for (FisherRun& run : fisher_runs_of(spec, hashes, method, task)) {
        if (known.insert(run.id()).second) needed.push_back(std::move(run));
      }
    }
  }
  return needed;
}

std::vector<FisherRun> job_fisher_runs(const SweepSpec& spec, const InputHashes& hashes) {
  std::vector<FisherRun> runs = needed_fisher_runs(spec, hashes);
  std::set<std::string> known;
  for (const FisherRun& run : runs) known.insert(run.id());
  for (FisherRun& run : expand_fisher_runs(spec, hashes)) {
    if (known.insert(run.id()).second) runs.push_back(std::move(run));
  }
  return runs;
}

std::vector<std::string> job_fisher_ids(const SweepSpec& spec, const InputHashes& hashes) {
  std::vector<std::string> ids;
  for (const FisherRun& run : job_fisher_runs(spec, hashes)) ids.push_back(run.id());
  return ids;
}

}  // namespace tunescope
