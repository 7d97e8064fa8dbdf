#include "tunescope/storage/merge.hpp"

#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include <algorithm>
#include <span>

#include "cli/display/warnings.hpp"
#include "cli/known_inputs.hpp"
#include "cli/single_job.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/cli/commands.hpp"
#include "tunescope/plan/fisher_run.hpp"
#include "tunescope/storage/status.hpp"

namespace tunescope::cli {
namespace {

[[noreturn]] void refuse_to_lose(const SweepSpec& spec, const std::vector<std::string>& lost) {
  constexpr std::size_t kNamed = 5;
  const auto named = std::span(lost).first(std::min(lost.size(), kNamed));
  throw ConfigError(fmt::format(
      "{}: is kept, for a new one would lack {} of its trials and Fisher runs ({}{}): their files are missing or do "
      "not "
      "count, which warnings tell, or the job has changed; `tunescope sweep JOB` makes again what is missing, "
      "`tunescope merge JOB --replace` replaces the file all the same",
      spec.results_file().string(), lost.size(), fmt::join(named, ", "), lost.size() > kNamed ? ", ..." : ""));
}

// A merged file that cannot be read holds nothing that could be lost.
void check_replacement(const SweepSpec& spec, const std::vector<PlannedTrial>& trials,
                       const std::vector<std::string>& fisher_ids) {
  std::vector<std::string> lost;
  try {
    lost = lost_by_merging(spec, trials, fisher_ids);
  } catch (const Error& error) {
    print_warning(fmt::format("{}: cannot be read: {}; it is replaced", spec.results_file().string(), error.what()));
  }
  if (!lost.empty()) refuse_to_lose(spec, lost);
}

}  // namespace

ExitStatus merge(const CommandLine& line) {
  const SweepSpec spec = parse_single_job(line);
  const KnownInputs known = know_inputs(spec);
  const InputHashes& hashes = known.hashes;
  const std::vector<std::string> fisher_ids = job_fisher_ids(spec, hashes);
  std::vector<PlannedTrial> trials = stored_trials(spec, hashes);
  if (line.wants_reseal) {
    for (const std::string& told : reseal_files(spec, trials, fisher_ids)) print_warning(told);
    load_status(spec, trials);
  }
  print_warnings(trials);
  JobFolder(spec).prepare();
  if (!line.wants_replacement) check_replacement(spec, trials, fisher_ids);
  for (const std::string& warning :
       merge_results(spec, trials, fisher_ids, known.inputs.get(), hashes, is_complete(trials))) {
    print_warning(warning);
  }
  const auto missing = std::ranges::count_if(trials, [](const PlannedTrial& planned) { return !planned.stored.end; });
  fmt::print("{}: {} of {} trials{}\n", spec.results_file().string(), std::ssize(trials) - missing, trials.size(),
             is_complete(trials) ? "" : "; not complete");
  return kAllDone;
}

}  // namespace tunescope::cli
