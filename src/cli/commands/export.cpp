#include "tunescope/model/export.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>

#include "cli/known_inputs.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/cli/commands.hpp"
#include "tunescope/cli/job_file.hpp"
#include "tunescope/storage/kept_weights.hpp"
#include "tunescope/storage/status.hpp"

namespace tunescope::cli {
namespace {

// The trial whose id begins with `text`.
const PlannedTrial& find_trial(const std::vector<PlannedTrial>& trials, const std::string& text,
                               const SweepSpec& spec) {
  const auto begins = [&](const PlannedTrial& planned) { return planned.id.starts_with(text); };
  const auto count = std::ranges::count_if(trials, begins);
  if (count == 1) return *std::ranges::find_if(trials, begins);
  throw ConfigError(
      count == 0 ? fmt::format("job {} has no trial '{}'; the ids are those of the files in {}, and in "
                               "/trials/id of the merged file",
                               spec.name, text, JobFolder(spec).trials.string())
                 : fmt::format("{} trials of job {} begin with '{}': give more of the id", count, spec.name, text));
}

std::vector<std::string> names_of(const std::vector<std::string_view>& labels) {
  return {labels.begin(), labels.end()};
}

}  // namespace

ExitStatus export_trial(const CommandLine& line) {
  if (line.arguments.size() != 3) {
    throw ConfigError("tunescope export takes a job file, a trial and a folder; see tunescope export --help");
  }
  const std::filesystem::path folder = line.arguments[2];
  check_export_folder(folder);
  const SweepSpec spec = read_job(line.arguments[0], line.overrides);
  const auto [inputs, hashes, are_recorded] = know_inputs(spec);
  if (inputs == nullptr) throw ModelError(spec.model_folder.string() + ": the model must be there to export a trial");
  // The data are gone, and the model may be another one than then.
  const bool is_same = !are_recorded || (model_content_hash(spec.model_folder) == hashes.model &&
                                         inputs->tokenizer().content_hash() == hashes.tokenizer);
  if (!is_same) {
    throw ModelError(spec.model_folder.string() +
                     ": is not the model that the last sweep trained, and the data that would tell its own trials are "
                     "not there; bring back the one or the other");
  }
  const std::vector<PlannedTrial> trials = stored_trials(spec, hashes);
  const PlannedTrial& planned = find_trial(trials, line.arguments[1], spec);
  if (planned.stored.end != TrialEnd::kDone) {
    throw ConfigError(fmt::format("trial {} is not done: {}; `tunescope sweep JOB` trains what is missing", planned.id,
                                  planned.stored.end ? to_string(*planned.stored.end) : "missing"));
  }
  const Task& task = find_task(planned.trial.task);
  const ParameterCatalogue& catalogue = inputs->catalogue(task);
  if (!additions_of(planned.trial.method, catalogue).unmerged().empty()) {
    const std::filesystem::path kept = JobFolder(spec).kept_file(planned.id);
    throw ConfigError(
        fmt::format("trial {} is of method {}, which adds layers that are no part of transformers' models, "
                    "so it cannot be exported{}",
                    planned.id, planned.trial.method.text(),
                    std::filesystem::exists(kept) ? "; what was kept of it is in " + kept.string() : ""));
  }
  const KeptWeights kept = load_kept_weights(JobFolder(spec), planned.trial, inputs->model(), catalogue);
  write_model_folder({.network = *inputs->model().network,
                      .catalogue = catalogue,
                      .parameters = kept.parameters,
                      .source = spec.model_folder,
                      .labels = names_of(task.labels)},
                     folder);
  fmt::print(
      "{}: trial {}, {} {}, learning rate {}, seed {}, after {} steps\n"
      "load it with AutoModelForSequenceClassification.from_pretrained(\"{}\")\n",
      folder.string(), planned.id, planned.trial.task, planned.trial.method.text(), planned.trial.learning_rate,
      planned.trial.seed, kept.step, folder.string());
  return kAllDone;
}

}  // namespace tunescope::cli
