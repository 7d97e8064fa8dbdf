#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace tunescope {

/// A trial that a rank is at work on.
struct RunningTrial {
  std::string id;
  int rank = 0;
  std::int64_t first_step = 0;  ///< at this rank's first report of it
  std::int64_t step = 0;
  std::int64_t steps = 0;  ///< 0 = not known yet
  double seconds = 0.0;    ///< since that report; before it, since this rank began
};

/// The file that tells others what this sweep is at work on, one a sweep in a folder for all: rewritten at most every
/// few seconds, removed at the end.
class RunningFile {
 public:
  explicit RunningFile(const std::filesystem::path& folder);
  ~RunningFile();
  RunningFile(const RunningFile&) = delete;
  RunningFile& operator=(const RunningFile&) = delete;

  void start(const std::string& trial, int rank);
  void progress(const std::string& trial, std::int64_t step, std::int64_t steps);
  void finish(const std::string& trial);

 private:
  using Clock = std::chrono::steady_clock;
  void write();

  std::filesystem::path path_;
  std::map<std::string, std::pair<RunningTrial, Clock::time_point>> running_;  // with the time of its start
  Clock::time_point last_written_;
};

/// What the files of such a folder hold, by rank; nothing where there is none.
std::vector<RunningTrial> read_running(const std::filesystem::path& folder);

}  // namespace tunescope
