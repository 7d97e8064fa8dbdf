#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace tunescope {

/// How far a rank is with a trial.
struct TrialProgress {
  std::string id;
  int rank = 0;
  std::int64_t first_step = 0;  ///< at this rank's first report of it
  std::int64_t step = 0;
  std::int64_t steps = 0;  ///< 0 = not known yet
  double seconds = 0.0;    ///< since that report, or before it since this rank began
};

/// The file by which `tunescope status` knows what a sweep is at work on. Each sweep has one, in a folder for all; it
/// is rewritten at most every few seconds and removed at the end.
class ProgressFile {
 public:
  explicit ProgressFile(const std::filesystem::path& folder);
  ~ProgressFile();
  ProgressFile(const ProgressFile&) = delete;
  ProgressFile& operator=(const ProgressFile&) = delete;

  void start(const std::string& trial, int rank);
  void progress(const std::string& trial, std::int64_t step, std::int64_t steps);
  void finish(const std::string& trial);

 private:
  using Clock = std::chrono::steady_clock;
  void write();

  std::filesystem::path path_;
  std::map<std::string, std::pair<TrialProgress, Clock::time_point>> running_;  // with the time of its start
  Clock::time_point last_written_;
};

/// What the files of such a folder hold, sorted by rank; nothing if there is none.
std::vector<TrialProgress> read_progress(const std::filesystem::path& folder);

}  // namespace tunescope
