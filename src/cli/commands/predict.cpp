#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>

#include "cli/display/warnings.hpp"
#include "cli/parallel_command.hpp"
#include "cli/selection/kept_trials.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/base/hash.hpp"
#include "tunescope/cli/commands.hpp"
#include "tunescope/data/submission.hpp"
#include "tunescope/io/atomic_file.hpp"
#include "tunescope/parallel/environment.hpp"
#include "tunescope/results/prediction_file.hpp"
#include "tunescope/run/prediction/predict_together.hpp"
#include "tunescope/run/rank_context.hpp"

namespace tunescope::cli {
namespace {

// The examples of a file.
struct PredictedFile {
  std::filesystem::path path;
  std::string hash;
  Dataset dataset;
  bool has_labels = false;
};

// A trial, a file that it predicts, and the file of its predictions.
struct Prediction {
  PlannedTrial planned;
  std::filesystem::path file;
  std::filesystem::path output;
};

// What is to be predicted; the same on every rank.
struct PredictionJob {
  std::filesystem::path folder;
  KeptTrials kept;
  std::vector<Prediction> predictions;
  std::map<std::pair<std::string, std::filesystem::path>, PredictedFile> files;  // by task and path
  bool is_submission = false;

  const Task& task_of(const PlannedTrial& planned) const { return kept.spec->find_task(planned.trial.task); }
};

PredictedFile read_file(const std::filesystem::path& path, const Task& task, const KeptTrials& kept,
                        const DataWarning& warn) {
  const RawExamples raw = read_examples(path, task, Labels::kReadIfThere);
  if (raw.malformed.count > 0) {
    throw DataError(
        fmt::format("{}: {} rows have a wrong number of columns (first at line {}), and each row needs a "
                    "prediction: mend them",
                    path.string(), raw.malformed.count, raw.malformed.first_lines.front()));
  }
  for (const std::string& text : raw.warnings()) warn(path.string() + ": " + text);
  return {.path = path,
          .hash = sha256_hex_of_file(path),
          .dataset = tokenize_examples(raw, task, kept.inputs->tokenizer(), kept.spec->max_length, path),
          .has_labels = raw.has_labels};
}

void refuse_second_trial(const std::vector<PlannedTrial>& trials) {
  std::set<std::string> tasks;
  for (const PlannedTrial& planned : trials) {
    if (tasks.insert(planned.trial.task).second) continue;
    throw ConfigError(
        fmt::format("more than one trial of {} is chosen, and its test file is predicted by one, as a submission to "
                    "GLUE asks: choose it with --where, as in --where best=task",
                    planned.trial.task));
  }
}

// The test files that are there, each by the trial of its task. With one of GLUE's it is a submission.
void plan_submission(PredictionJob& job, const DataWarning& warn) {
  refuse_second_trial(job.kept.trials);
  for (const PlannedTrial& planned : job.kept.trials) {
    const Task& task = job.task_of(planned);
    const std::vector<TestFile> tests = test_files(task, job.kept.spec->glue_folder);
    if (tests.empty()) warn(fmt::format("[task {}] has no key 'test', so nothing is predicted of it", task.name));
    job.is_submission |= !task.is_own;
    for (const TestFile& test : tests) {
      if (std::filesystem::is_regular_file(test.path)) {
        job.predictions.push_back({planned, test.path, job.folder / test.submission});
      } else {
        warn(fmt::format("{}: no such file, so there is no {}", test.path.string(), test.submission));
      }
    }
  }
  if (job.predictions.empty()) {
    throw DataError(
        fmt::format("no task of the chosen trials has a test file: those of GLUE lie below {}, that of an own task is "
                    "named by 'test' in its section; --file names any other",
                    job.kept.spec->glue_folder.string()));
  }
}

void plan_file(PredictionJob& job, const std::filesystem::path& file, const Task& task) {
  for (const PlannedTrial& planned : job.kept.trials) {
    if (planned.trial.task != task.name) continue;
    job.predictions.push_back({planned, file, job.folder / fmt::format("{}-{}.tsv", file.stem().string(), planned.id)});
  }
  if (job.predictions.empty()) {
    throw ConfigError(
        fmt::format("none of the chosen trials is of task {}; --task names the task of the models, as "
                    "well as the columns of the file",
                    task.name));
  }
}

PredictionJob open_prediction_job(const CommandLine& line, const DataWarning& warn) {
  if (line.arguments.size() != 2 || line.file.has_value() != line.task.has_value()) {
    throw ConfigError(
        "tunescope predict takes a job file and a folder, and --file with --task or neither; see tunescope predict "
        "--help");
  }
  PredictionJob job{
      .folder = line.arguments[1], .kept = choose_kept_trials(line, warn), .predictions = {}, .files = {}};
  if (line.file) {
    plan_file(job, *line.file, job.kept.spec->find_task(*line.task));
  } else {
    plan_submission(job, warn);
  }
  for (const Prediction& prediction : job.predictions) {
    const Task& task = job.task_of(prediction.planned);
    const auto [place, is_new] = job.files.try_emplace({task.name, prediction.file});
    if (is_new) place->second = read_file(prediction.file, task, job.kept, warn);
  }
  return job;
}

Predictions compute(RankTeam& team, const PredictionJob& job, const Prediction& prediction, const Dataset& dataset) {
  const KeptWeights weights = job.kept.load(prediction.planned.trial);
  const PretrainedModel& model = job.kept.inputs->model();
  return predict_together(team,
                          {.network = *model.network,
                           .parameters = weights.parameters,
                           .packed_weights = model.packed_weights.get(),
                           .additions = &weights.additions},
                          dataset, job.task_of(prediction.planned));
}

// "; accuracy 0.9120, f1 0.8841"; empty for a file without labels.
std::string scores_text(const Predictions& predictions, const Task& task, bool has_labels) {
  std::string text;
  if (!has_labels) return text;
  const Scores scores = compute_scores(predictions, {}, task);
  for (const Metric metric : task.metrics) {
    const double score = scores[static_cast<std::size_t>(metric)];
    if (!std::isnan(score)) text += fmt::format("{} {} {:.4f}", text.empty() ? ";" : ",", metric_name(metric), score);
  }
  return text;
}

// Computes one trial's predictions of one file, or reads them if an earlier run has stored them. Collective.
void predict_one(RankTeam& team, const PredictionJob& job, const Prediction& prediction) {
  const Trial& trial = prediction.planned.trial;
  const Task& task = job.task_of(prediction.planned);
  const PredictedFile& file = job.files.at({task.name, prediction.file});
  const std::filesystem::path logits =
      job.folder / "logits" / fmt::format("{}-{}.h5", prediction.planned.id, file.hash.substr(0, 16));
  std::optional<Predictions> stored;
  if (team.is_root()) stored = read_prediction_file(logits);
  const bool is_stored = team.any_of(stored.has_value());
  if (!is_stored) stored = compute(team, job, prediction, file.dataset);
  team.on_root([&] {
    if (!is_stored) {
      make_folder(logits.parent_path());
      write_prediction_file(logits, {.trial = prediction.planned.id,
                                     .task = trial.task,
                                     .file = file.path.string(),
                                     .file_hash = file.hash,
                                     .predictions = *stored,
                                     .has_labels = file.has_labels});
    }
    write_text_atomically(prediction.output, submission_text(task, decide(*stored, task)));
    fmt::print("{}: {} examples, by trial {}, {}, learning rate {}, seed {}{}\n", prediction.output.string(),
               stored->labels.size(), prediction.planned.id, trial.method.text(), trial.learning_rate, trial.seed,
               scores_text(*stored, task, file.has_labels));
    std::fflush(stdout);
  });
}

void print_what_is_missing(const std::filesystem::path& folder) {
  std::vector<std::string_view> missing;
  for (const std::string_view file : submission_files()) {
    if (!std::filesystem::exists(folder / file)) missing.push_back(file);
  }
  fmt::print("logits: {}\n", (folder / "logits").string());
  if (missing.empty()) return;
  fmt::print("GLUE's server takes all of its files together; not here: {}\n", fmt::join(missing, ", "));
}

}  // namespace

ExitStatus predict(int argc, char** argv) {
  return run_on_ranks([&](RankTeam& team) {
    std::optional<PredictionJob> job;
    const ExitStatus status = report_once(team, [&] {
      const auto open = [&](const DataWarning& warn) {
        job.emplace(open_prediction_job(parse_command_line(argc, argv), warn));
      };
      team.on_root([&] {
        refuse_singletons(team.size());
        open(print_warning);
      });
      if (!team.is_root()) open([](const std::string&) {});
    });
    if (status != kAllDone) return status;
    set_up_evaluation(team, *job->kept.spec, *job->kept.inputs);
    for (const Prediction& prediction : job->predictions) predict_one(team, *job, prediction);
    if (team.is_root() && job->is_submission) print_what_is_missing(job->folder);
    return kAllDone;
  });
}

}  // namespace tunescope::cli
