#include "tunescope/storage/progress_file.hpp"

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "tunescope/base/hostname.hpp"
#include "tunescope/io/atomic_file.hpp"

namespace tunescope {
namespace {

constexpr std::chrono::seconds kInterval{2};

}  // namespace

ProgressFile::ProgressFile(const std::filesystem::path& folder)
    : path_(folder / (hostname() + "-" + std::to_string(::getpid()))), last_written_(Clock::now() - kInterval) {}

ProgressFile::~ProgressFile() {
  std::error_code ignored;
  std::filesystem::remove(path_, ignored);
  std::filesystem::remove(path_.parent_path(), ignored);  // if it is empty
}

void ProgressFile::start(const std::string& trial, int rank) {
  running_[trial] = {{.id = trial, .rank = rank}, Clock::now()};
  write();
}

void ProgressFile::progress(const std::string& trial, std::int64_t step, std::int64_t steps) {
  auto& [running, begin] = running_[trial];
  if (running.steps == 0) {  // the first report, which may be of a resumed run
    running.first_step = step;
    begin = Clock::now();
  }
  running.step = step;
  running.steps = steps;
  write();
}

void ProgressFile::finish(const std::string& trial) {
  running_.erase(trial);
  write();
}

// A file that only informs must not end a sweep.
void ProgressFile::write() {
  const auto now = Clock::now();
  if (now - last_written_ < kInterval) return;
  last_written_ = now;
  std::string text;
  for (const auto& [id, entry] : running_) {
    const auto& [trial, begin] = entry;
    text += fmt::format("{} {} {} {} {} {:.1f}\n", id, trial.rank, trial.first_step, trial.step, trial.steps,
                        std::chrono::duration<double>(now - begin).count());
  }
  try {
    make_folder(path_.parent_path());
    write_text_atomically(path_, text);
  } catch (const std::exception& error) {
    spdlog::warn("{}", error.what());
  }
}

std::vector<TrialProgress> read_progress(const std::filesystem::path& folder) {
  std::vector<TrialProgress> trials;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    if (entry.path().filename().string().starts_with('.')) continue;  // being written
    std::ifstream file(entry.path());
    for (TrialProgress trial;
         file >> trial.id >> trial.rank >> trial.first_step >> trial.step >> trial.steps >> trial.seconds;) {
      trials.push_back(trial);
    }
  }
  std::sort(trials.begin(), trials.end(), [](const auto& a, const auto& b) { return a.rank < b.rank; });
  return trials;
}

}  // namespace tunescope
