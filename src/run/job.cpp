#include "tunescope/run/job.hpp"

#include <spdlog/fmt/fmt.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/spdlog.h>

#include <utility>

#include "tunescope/io/atomic_file.hpp"
#include "tunescope/parallel/environment.hpp"
#include "tunescope/run/ablation/ablation_groups.hpp"
#include "tunescope/storage/recorded_inputs.hpp"
#include "tunescope/storage/trial_checkpoints.hpp"

namespace tunescope {
namespace {

void log_to_file(const JobFolder& folder, int rank) {
  const std::string file = (folder.log / fmt::format("rank-{}.log", rank)).string();
  auto logger = std::make_shared<spdlog::logger>("rank", std::make_shared<spdlog::sinks::basic_file_sink_mt>(file));
  logger->set_pattern(fmt::format("%Y-%m-%dT%H:%M:%S.%e [rank {}] %l: %v", rank));
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
}

// What only a sweep that is alone in the folder may do.
void clean_up(const SweepSpec& spec, const JobFolder& folder) {
  remove_unfinished_files(spec.job_folder());
  remove_stale_checkpoints(folder);
  std::filesystem::remove_all(folder.progress);
}

std::unique_ptr<Job> open_on_root(SweepSpec spec, FisherRunsOf fisher_runs, RunListener& listener) {
  job_device(spec, 0);  // before anything is loaded for a device that is not there
  const JobFolder folder(spec);
  folder.prepare();
  auto lock = std::make_unique<FolderLock>(folder.lock, spec.folder_use, [&] { clean_up(spec, folder); });
  log_to_file(folder, 0);
  auto job = std::make_unique<Job>(std::move(spec));
  job->lock = std::move(lock);
  for (const std::string& warning : job->inputs.notes().warnings) listener.on_warning(warning);
  job->hashes = job->inputs.load_and_hash();
  job_fisher_ids(job->spec, job->hashes);  // a wrong grid shows here
  check_ablation(job->spec, job->inputs);
  job->fisher = plan_fisher(job->spec, fisher_runs(job->spec, job->hashes), job->inputs);
  job_device(job->spec, 0, job->stages());
  write_text_atomically(folder.job, job->spec.job_text);
  record_inputs(job->spec, job->hashes);
  return job;
}

}  // namespace

Job::Job(SweepSpec parsed)
    : spec(std::move(parsed)),
      folder(spec),
      inputs(spec, [](const std::string& warning) { spdlog::warn("{}", warning); }) {}

std::unique_ptr<Job> open_job(RankTeam& team, const std::function<SweepSpec()>& parse, FisherRunsOf fisher_runs,
                              RunListener& listener) {
  std::unique_ptr<Job> job;
  const std::string hashes = team.on_root([&] {
    refuse_singletons(team.size());
    job = open_on_root(parse(), fisher_runs, listener);
    return job->hashes.serialize();
  });
  if (!team.is_root()) {
    SweepSpec spec = parse();
    log_to_file(JobFolder(spec), team.rank());
    job = std::make_unique<Job>(std::move(spec));
    job->hashes = InputHashes::parse(hashes);
    job->fisher = plan_fisher(job->spec, fisher_runs(job->spec, job->hashes), job->inputs);
  }
  return job;
}

}  // namespace tunescope
