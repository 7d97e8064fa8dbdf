#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>
#include <torch/headeronly/version.h>

#include <optional>
#include <system_error>

#include "cli/doctor/diagnosis.hpp"
#include "cli/doctor/folder_probe.hpp"
#include "cli/doctor/report.hpp"
#include "cli/parallel_command.hpp"
#include "cli/single_job.hpp"
#include "tunescope/base/environment_number.hpp"
#include "tunescope/base/version.hpp"
#include "tunescope/cli/commands.hpp"
#include "tunescope/hdf5/file.hpp"
#include "tunescope/io/filesystem.hpp"
#include "tunescope/parallel/environment.hpp"

namespace tunescope::cli {
namespace {

constexpr double kLeastFreeBytes = 1e9;
constexpr std::uint64_t kLeastFreeFiles = 1000;

// What is looked at: a job's device, threads and results folder, or without a job what it would take by default.
struct Subject {
  DeviceKind device = DeviceKind::kAuto;
  std::int64_t threads = 0;
  std::filesystem::path folder = ".";
  bool wants_json = false;
};

Subject parse_subject(int argc, char** argv) {
  const CommandLine line = parse_command_line(argc, argv);
  if (line.arguments.empty() && line.overrides.empty()) return {.wants_json = line.wants_json};
  const SweepSpec spec = parse_single_job(line);
  return {.device = spec.device, .threads = spec.threads, .folder = spec.results_folder, .wants_json = line.wants_json};
}

// The folder, or that above it in which it would be made. What lies in a folder that may not be entered is not there.
std::filesystem::path existing_part(const std::filesystem::path& folder) {
  std::error_code hidden;
  std::filesystem::path existing = (std::filesystem::absolute(folder) / ".").lexically_normal().parent_path();
  while (!std::filesystem::exists(existing, hidden)) existing = existing.parent_path();
  return existing;
}

std::string_view launcher_text(Launcher launcher) {
  switch (launcher) {
    case Launcher::kMpirun:
      return "mpirun";
    case Launcher::kSrun:
      return "srun";
    case Launcher::kSrunWithoutPmix:
      return "srun without PMIx";
    case Launcher::kPmix:
      return "a launcher with PMIx";
    case Launcher::kNone:
      break;
  }
  return "no launcher";
}

std::vector<Fact> facts_of_process(Launcher launcher) {
  const std::vector<std::string> variables = telling_variables();
  return {{"tunescope", fmt::format("{} (commit {})", version(), git_commit())},
          {"LibTorch", TORCH_VERSION},
          {"MPI", mpi_library()},
          {"HDF5", hdf5::library_version()},
          {"backends", compiled_backends()},
          {"launcher", std::string(launcher_text(launcher))},
          {"variables", variables.empty() ? "none that matter" : fmt::format("{}", fmt::join(variables, ", "))}};
}

void append_folder(DoctorReport& report, const std::filesystem::path& folder) {
  const Filesystem filesystem = filesystem_of(folder);
  const std::string files = filesystem.free_files ? fmt::format(" and {} files", *filesystem.free_files) : "";
  report.facts.push_back({"results", fmt::format("in {} ({}), {:.1f} GB{} free", folder.string(), filesystem.type,
                                                 filesystem.free_bytes / 1e9, files)});
  const bool is_short_of_files = filesystem.free_files && *filesystem.free_files < kLeastFreeFiles;
  if (filesystem.free_bytes < kLeastFreeBytes || is_short_of_files) {
    report.problems.push_back(
        fmt::format("{}: {:.1f} GB{} are free, which results and checkpoints will soon fill; make room, or choose "
                    "another folder with [run] results",
                    folder.string(), filesystem.free_bytes / 1e9, files));
  }
}

DoctorReport examine(RankTeam& team, Launcher launcher, const Subject& subject) {
  DoctorReport report{.facts = facts_of_process(launcher),
                      .ranks = find_rank_facts(team, subject.device, subject.threads),
                      .problems = {}};
  report.problems = rank_problems(report.ranks);
  if (std::string problem = singleton_problem(team.size()); !problem.empty()) report.problems.push_back(problem);
  const std::filesystem::path folder = team.on_root([&] { return existing_part(subject.folder).string(); });
  if (team.is_root()) append_folder(report, folder);
  for (const std::string& problem : shared_folder_problems(team, folder, report.ranks)) {
    report.problems.push_back(problem);
  }
  return report;
}

ExitStatus exit_status_of(const DoctorReport& report) { return report.problems.empty() ? kAllDone : kWrongEnvironment; }

}  // namespace

ExitStatus doctor(int argc, char** argv) {
  const Launcher launcher = find_launcher();  // before MPI adds variables of its own
  if (const std::string problem = launch_problem(); !problem.empty()) {
    const Subject subject = parse_subject(argc, argv);
    const DoctorReport report{.facts = facts_of_process(launcher), .ranks = {}, .problems = {problem}};
    const bool is_first_task = !positive_number_of("SLURM_PROCID");
    if (is_first_task) print_report(report, subject.wants_json);
    return exit_status_of(report);
  }
  return run_on_ranks([&](RankTeam& team) {
    std::optional<Subject> subject;
    const auto parse = [&] { subject = parse_subject(argc, argv); };
    const ExitStatus status = report_once(team, [&] {
      team.on_root(parse);
      if (!team.is_root()) parse();
    });
    if (status != kAllDone) return status;
    const DoctorReport report = examine(team, launcher, *subject);
    if (team.is_root()) print_report(report, subject->wants_json);
    return team.on_root([&] { return exit_status_of(report); });
  });
}

}  // namespace tunescope::cli
