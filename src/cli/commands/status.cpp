#include <spdlog/fmt/fmt.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <thread>

#include "cli/display/warnings.hpp"
#include "cli/known_inputs.hpp"
#include "cli/reports/job_status.hpp"
#include "cli/single_job.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/cli/commands.hpp"

namespace tunescope::cli {
namespace {

constexpr std::string_view kClearScreen = "\x1B[H\x1B[2J";

void print_status(const JobStatus& status) {
  for (const std::string& warning : status.warnings) print_warning(warning);
  fmt::print("{}", text_of(status));
  std::fflush(stdout);
}

// Shows every change until there will be none: on a terminal in place of what was there before, elsewhere below it.
void watch(const SweepSpec& spec, const InputHashes& hashes, std::chrono::duration<double> interval) {
  const std::string_view between = ::isatty(STDOUT_FILENO) == 1 ? kClearScreen : "\n";
  for (std::string shown;;) {
    const JobStatus status = look_up_status(spec, hashes);
    std::string text = text_of(status);
    if (text != shown) {
      if (!shown.empty()) fmt::print("{}", between);
      std::fflush(stdout);
      print_status(status);
      shown = std::move(text);
    }
    if (status.is_final()) return;
    std::this_thread::sleep_for(interval);
  }
}

}  // namespace

ExitStatus status(const CommandLine& line) {
  const SweepSpec spec = parse_single_job(line);
  if (line.wants_json && line.watch_seconds) {
    throw ConfigError("--watch and --json exclude each other: a script calls tunescope status --json repeatedly");
  }
  const InputHashes hashes = know_inputs(spec).hashes;
  if (line.watch_seconds) {
    watch(spec, hashes, std::chrono::duration<double>(*line.watch_seconds));
    return kAllDone;
  }
  const JobStatus status = look_up_status(spec, hashes);
  if (line.wants_json) {
    for (const std::string& warning : status.warnings) print_warning(warning);
    print_json(json_of(status));
  } else {
    print_status(status);
  }
  return kAllDone;
}

}  // namespace tunescope::cli
