#include "cli/reports/job_status.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>

#include "tunescope/cli/display/progress.hpp"
#include "tunescope/storage/folder_lock.hpp"
#include "tunescope/storage/job_folder.hpp"
#include "tunescope/storage/status.hpp"

namespace tunescope::cli {
namespace {

std::string describe(const Trial& trial) {
  return fmt::format("{} {} lr {} seed {}", trial.task, trial.method.text(), trial.learning_rate, trial.seed);
}

std::optional<double> seconds_left(const TrialProgress& progress) {
  const std::int64_t steps_here = progress.step - progress.first_step;
  if (steps_here <= 0) return std::nullopt;
  return progress.seconds * static_cast<double>(progress.steps - progress.step) / static_cast<double>(steps_here);
}

std::vector<RunningTrial> look_up_running(const JobFolder& folder, const std::vector<PlannedTrial>& trials) {
  std::vector<RunningTrial> running;
  for (const TrialProgress& progress : read_progress(folder.progress)) {
    if (!Claim::is_trial_taken(folder.lock, progress.id)) continue;  // of a sweep that was killed
    const auto planned = std::ranges::find(trials, progress.id, &PlannedTrial::id);
    running.push_back({.progress = progress,
                       .trial = planned == trials.end() ? std::nullopt : std::optional(planned->trial),
                       .seconds_left = seconds_left(progress)});
  }
  return running;
}

std::string running_line(const RunningTrial& running) {
  const TrialProgress& progress = running.progress;
  return fmt::format("rank {}: {} {}, step {} of {}{}\n", progress.rank, progress.id,
                     running.trial ? describe(*running.trial) : "(training for a Fisher run)", progress.step,
                     progress.steps,
                     running.seconds_left ? ", " + readable_duration(*running.seconds_left) + " to go" : "");
}

Json running_json(const RunningTrial& running) {
  const TrialProgress& progress = running.progress;
  Json json = {{"id", progress.id}, {"rank", progress.rank}, {"step", progress.step}, {"steps", progress.steps}};
  json["seconds_left"] = json_of(running.seconds_left);
  json["trial"] = running.trial ? json_of(*running.trial) : Json(nullptr);
  return json;
}

Json unsuccessful_json(const PlannedTrial& planned) {
  return {{"id", planned.id},
          {"end", to_string(*planned.stored.end)},
          {"error", planned.stored.error},
          {"trial", json_of(planned.trial)}};
}

}  // namespace

JobStatus look_up_status(const SweepSpec& spec, const InputHashes& hashes) {
  const JobFolder folder(spec);
  const bool is_sweep_at_work = FolderLock::is_held(folder.lock);  // first: what it ends until then is seen below
  const std::vector<PlannedTrial> trials = stored_trials(spec, hashes);
  JobStatus status{
      .job = spec.name,
      .counts = count(trials),
      .waiting_for_screening = static_cast<std::size_t>(std::ranges::count_if(trials, &PlannedTrial::is_stand_in)),
      .is_sweep_at_work = is_sweep_at_work,
      .running = {},
      .unsuccessful = {},
      .warnings = {}};
  if (is_sweep_at_work) status.running = look_up_running(folder, trials);
  for (const PlannedTrial& planned : trials) {
    if (!planned.stored.error.empty()) status.unsuccessful.push_back(planned);
    if (!planned.stored.warning.empty()) status.warnings.push_back(planned.stored.warning);
  }
  return status;
}

std::string text_of(const JobStatus& status) {
  const TrialCounts& counts = status.counts;
  std::string text = fmt::format(
      "{}: {} trials: {} done, {} diverged, {} failed, {} missing ({} of them partly done and saved)\n", status.job,
      counts.total, counts.done, counts.diverged, counts.failed, counts.missing, counts.partial);
  if (status.waiting_for_screening > 0) {
    text += fmt::format("{} of those missing wait for screening to choose their learning rates\n",
                        status.waiting_for_screening);
  }
  if (status.is_sweep_at_work) text += "a sweep is at work here\n";
  for (const RunningTrial& running : status.running) text += running_line(running);
  for (const PlannedTrial& planned : status.unsuccessful) {
    text += fmt::format("{} {}: {}: {}\n", planned.id, describe(planned.trial), to_string(*planned.stored.end),
                        planned.stored.error);
  }
  return text;
}

Json json_of(const JobStatus& status) {
  Json json = {{"job", status.job},
               {"trials", json_of(status.counts)},
               {"waiting_for_screening", status.waiting_for_screening},
               {"sweep_is_at_work", status.is_sweep_at_work},
               {"running", Json::array()},
               {"unsuccessful", Json::array()}};
  for (const RunningTrial& running : status.running) json["running"].push_back(running_json(running));
  for (const PlannedTrial& planned : status.unsuccessful) {
    json["unsuccessful"].push_back(unsuccessful_json(planned));
  }
  return json;
}

}  // namespace tunescope::cli
