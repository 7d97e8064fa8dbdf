#include "tunescope/storage/status.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>

#include "cli/display/trial_counts.hpp"
#include "cli/display/warnings.hpp"
#include "cli/known_inputs.hpp"
#include "cli/single_job.hpp"
#include "tunescope/cli/commands.hpp"
#include "tunescope/cli/display/progress.hpp"
#include "tunescope/storage/folder_lock.hpp"
#include "tunescope/storage/progress_file.hpp"

namespace tunescope::cli {
namespace {

std::string describe(const Trial& trial) {
  return fmt::format("{} {} lr {} seed {}", trial.task, trial.method.text(), trial.learning_rate, trial.seed);
}

// What the sweeps on this folder are at work on, if there are any.
void print_running(const JobFolder& folder, const std::vector<PlannedTrial>& trials) {
  if (!FolderLock::is_held(folder.lock)) return;
  fmt::print("a sweep is at work here\n");
  for (const TrialProgress& running : read_progress(folder.progress)) {
    if (!Claim::is_trial_taken(folder.lock, running.id)) continue;  // of a sweep that was killed
    const auto planned = std::find_if(trials.begin(), trials.end(), [&](const auto& t) { return t.id == running.id; });
    const std::int64_t steps_here = running.step - running.first_step;
    const double left = steps_here > 0 ? running.seconds * static_cast<double>(running.steps - running.step) /
                                             static_cast<double>(steps_here)
                                       : 0.0;
    fmt::print("rank {}: {} {}, step {} of {}{}\n", running.rank, running.id,
               planned == trials.end() ? "(training for a Fisher run)" : describe(planned->trial), running.step,
               running.steps, steps_here > 0 ? ", " + readable_duration(left) + " to go" : "");
  }
}

}  // namespace

ExitStatus status(const CommandLine& line) {
  const SweepSpec spec = parse_single_job(line);
  const std::vector<PlannedTrial> trials = stored_trials(spec, know_inputs(spec).hashes);
  print_warnings(trials);
  const TrialCounts counts = count(trials);
  fmt::print("{}: {} trials: {} done, {} diverged, {} failed, {} missing ({} of them partly done and saved)\n",
             spec.name, counts.total, counts.done, counts.diverged, counts.failed, counts.missing, counts.partial);
  const auto open = std::ranges::count_if(trials, &PlannedTrial::is_stand_in);
  if (open > 0) fmt::print("{} of those missing wait for screening to choose their learning rates\n", open);
  print_running(JobFolder(spec), trials);
  for (const PlannedTrial& planned : trials) {
    if (planned.stored.error.empty()) continue;
    fmt::print("{} {}: {}: {}\n", planned.id, describe(planned.trial), to_string(*planned.stored.end),
               planned.stored.error);
  }
  return kAllDone;
}

}  // namespace tunescope::cli
