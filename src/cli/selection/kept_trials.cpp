#include "cli/selection/kept_trials.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <utility>

#include "cli/display/warnings.hpp"
#include "cli/known_inputs.hpp"
#include "cli/selection/where.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/storage/status.hpp"

namespace tunescope::cli {
namespace {

// The job with all of its trials.
KeptTrials open_trials(const CommandLine& line, const DataWarning& warn) {
  KeptTrials opened{.spec = std::make_unique<const SweepSpec>(read_job(line.arguments.front(), line.overrides)),
                    .inputs = nullptr,
                    .trials = {}};
  const std::string model = opened.spec->model_folder.string();
  KnownInputs known = know_inputs(*opened.spec, warn);
  if (known.inputs == nullptr) throw ModelError(model + ": the model must be there for the weights of its trials");
  // The data are gone, and the model may be another one than then.
  const bool is_same = !known.are_recorded || (model_content_hash(opened.spec->model_folder) == known.hashes.model &&
                                               known.inputs->tokenizer().content_hash() == known.hashes.tokenizer);
  if (!is_same) {
    throw ModelError(model +
                     ": is not the model that the last sweep trained, and the data that would tell its own trials are "
                     "not there; bring back the one or the other");
  }
  opened.trials = stored_trials(*opened.spec, known.hashes);
  opened.inputs = std::move(known.inputs);
  return opened;
}

bool has_weights(const PlannedTrial& planned, const JobFolder& folder) {
  return planned.stored.end == TrialEnd::kDone && std::filesystem::exists(folder.kept_file(planned.id));
}

}  // namespace

KeptWeights KeptTrials::load(const Trial& trial) const {
  return load_kept_weights(JobFolder(*spec), trial, inputs->model(), inputs->catalogue(spec->find_task(trial.task)));
}

KeptTrials find_kept_trial(const CommandLine& line, const std::string& text) {
  KeptTrials opened = open_trials(line, print_warning);
  const auto is_other = [&](const PlannedTrial& planned) { return !planned.id.starts_with(text); };
  std::erase_if(opened.trials, is_other);
  const std::string& job = opened.spec->name;
  if (opened.trials.empty()) {
    throw ConfigError(
        fmt::format("job {} has no trial '{}'; the ids are those of the files in {}, and in /trials/id of the merged "
                    "file",
                    job, text, JobFolder(*opened.spec).trials.string()));
  }
  if (opened.trials.size() > 1) {
    throw ConfigError(
        fmt::format("{} trials of job {} begin with '{}': give more of the id", opened.trials.size(), job, text));
  }
  const PlannedTrial& found = opened.trials.front();
  if (found.stored.end != TrialEnd::kDone) {
    throw ConfigError(fmt::format("trial {} is not done: {}; `tunescope sweep JOB` trains what is missing", found.id,
                                  found.stored.end ? to_string(*found.stored.end) : "missing"));
  }
  return opened;
}

KeptTrials choose_kept_trials(const CommandLine& line, const DataWarning& warn) {
  const TrialFilter filter = line.where ? parse_where(*line.where) : TrialFilter{};
  KeptTrials opened = open_trials(line, warn);
  const JobFolder folder(*opened.spec);
  std::vector<PlannedTrial> chosen = filter.matching(opened.trials, opened.spec->own_tasks);
  const std::size_t all = chosen.size();
  const std::string of_job = fmt::format("of the {} trials of job {}", opened.trials.size(), opened.spec->name);
  if (all == 0) {
    throw ConfigError(fmt::format("--where {} chooses none {}; /trials of the merged file lists them",
                                  line.where.value_or(""), of_job));
  }
  std::erase_if(chosen, [&](const PlannedTrial& planned) { return !has_weights(planned, folder); });
  if (chosen.empty()) {
    throw ConfigError(fmt::format(
        "{} {} are chosen, and of none of them weights were kept; tunescope status tells what is done, and with "
        "--run.keep trained (or best) a sweep keeps the weights of the trials that it trains",
        all, of_job));
  }
  if (chosen.size() < all) {
    warn(fmt::format(
        "{} {} are chosen, and {} of them are left out: they are not done, or their weights were not kept (see "
        "run.keep)",
        all, of_job, all - chosen.size()));
  }
  opened.trials = filter.best(chosen);
  return opened;
}

}  // namespace tunescope::cli
