#include "cli/display/run_display.hpp"

#include <spdlog/fmt/fmt.h>

#include <cmath>
#include <cstdio>

#include "cli/display/warnings.hpp"

namespace tunescope::cli {
namespace {

std::string label_of(const Trial& trial) {
  return fmt::format("{:<5}  {:<36}  lr {:<7}  seed {}", trial.task, trial.method.text(), trial.learning_rate,
                     trial.seed);
}

std::string label_of(const FisherRun& run) {
  const std::string draws = run.draws > 1 ? fmt::format(" of {} draws", run.draws) : "";
  return fmt::format("{} {}{} {} examples in batches of {}, {} seed {} at {:g}", run.training.task,
                     fisher_mode_name(run.mode), draws, run.examples == 0 ? "all" : std::to_string(run.examples),
                     run.batch_size, run.training.method.text(), run.training.seed, run.point);
}

std::string result_of(const TrialSummary& summary, std::string_view metric) {
  if (summary.end == TrialEnd::kFailed) return "FAILED, see tunescope status";
  if (summary.end != TrialEnd::kDone) return std::string(to_string(summary.end));
  return fmt::format("{} {:.1f}", metric, 100.0 * summary.score);
}

}  // namespace

void RunDisplay::begin(const SweepSpec& spec, int ranks) {
  job_ = spec.name;
  style_ = spec.progress;
  ranks_ = ranks;
  for (const std::string& task : spec.tasks) metrics_[task] = metric_name(spec.find_task(task).primary_metric);
}

void RunDisplay::on_note(const std::string& text) {
  fmt::print("note: {}\n", text);
  std::fflush(stdout);
}

void RunDisplay::on_warning(const std::string& text) { print_warning(text); }

void RunDisplay::on_screening(const std::vector<ScreenedRate>& rates) {
  for (const ScreenedRate& rate : rates) {
    if (rate.is_chosen == 0) continue;
    fmt::print("chosen  {:<5}  {:<36}  lr {:<7}  {} with {} seed{}\n", rate.task, rate.method, rate.learning_rate,
               std::isnan(rate.mean_score) ? "no score"
                                           : fmt::format("{} {:.1f}", metrics_.at(rate.task), 100.0 * rate.mean_score),
               rate.seeds, rate.seeds == 1 ? "" : "s");
  }
  std::fflush(stdout);
}

void RunDisplay::on_trials(const std::vector<PlannedTrial>& trials, const TrialIndices& order) {
  std::vector<ProgressDisplay::Item> items;
  positions_.clear();
  for (const TrialIndex trial : order) {
    positions_[trial] = items.size();
    items.push_back({label_of(trials[trial].trial), trials[trial].flops});
  }
  trials_ = &trials;
  progress_.emplace(std::move(items), "trials", style_);
}

void RunDisplay::on_trial_start(TrialIndex trial) { progress_->start(positions_.at(trial)); }

void RunDisplay::on_trial_progress(TrialIndex trial, std::int64_t step, std::int64_t steps) {
  progress_->progress(positions_.at(trial), static_cast<double>(step) / static_cast<double>(steps));
}

void RunDisplay::on_trial_end(TrialIndex trial, const TrialSummary& summary) {
  progress_->finish(positions_.at(trial), summary.end, result_of(summary, metrics_.at((*trials_)[trial].trial.task)),
                    summary.seconds);
}

void RunDisplay::on_trials_end() { progress_.reset(); }

void RunDisplay::on_waiting(std::size_t trials) {
  fmt::print("waiting for {} trials that another sweep is training\n", trials);
  std::fflush(stdout);
}

void RunDisplay::on_broken(std::size_t trials, const CommonError& error) {
  fmt::print(
      stderr,
      "tunescope: {}: ended early, because all of the first {} trials failed, {} of them with: {}\n"
      "finished trials stay; remove the cause and run it again, or give --run.stop_after_failures 0 to train the "
      "others nevertheless\n",
      job_, trials, error.count, error.text);
}

void RunDisplay::on_ablation(std::size_t trials) {
  if (trials > 0) fmt::print("{}: ablation of {} trained model{}\n", job_, trials, trials == 1 ? "" : "s");
  std::fflush(stdout);
}

void RunDisplay::on_ablated(const PlannedTrial& planned) {
  fmt::print("ablated {}\n", label_of(planned.trial));
  std::fflush(stdout);
}

void RunDisplay::on_fisher_stage(const std::vector<PlannedFisher>& runs, std::string_view reducer) {
  print_warnings(runs);
  const std::size_t pending = pending_of(runs).size();
  fmt::print("{}: {} Fisher runs, {} already there, {} to compute on {} rank{} (sums over {})\n", job_, runs.size(),
             runs.size() - pending, pending, ranks_, ranks_ == 1 ? "" : "s", reducer);
  std::fflush(stdout);
}

void RunDisplay::on_fisher_runs(const std::vector<PlannedFisher>& pending) {
  std::vector<ProgressDisplay::Item> items;
  for (const PlannedFisher& planned : pending) {
    items.push_back({label_of(planned.run), static_cast<double>(planned.examples)});
  }
  progress_.emplace(std::move(items), "Fisher runs", style_);
}

void RunDisplay::on_fisher_progress(std::size_t run, std::int64_t done, std::int64_t total) {
  progress_->progress(run, static_cast<double>(done) / static_cast<double>(total));
}

void RunDisplay::on_fisher_end(std::size_t run, double seconds, const std::string& error) {
  if (error.empty()) {
    progress_->finish(run, TrialEnd::kDone, "done", seconds);
  } else {
    progress_->finish(run, TrialEnd::kFailed, "FAILED: " + error, seconds);
  }
}

void RunDisplay::on_fisher_runs_end() { progress_.reset(); }

}  // namespace tunescope::cli
