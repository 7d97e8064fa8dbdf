#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>

#include "tunescope/parallel/communicator.hpp"
#include "tunescope/plan/planned_trial.hpp"
#include "tunescope/schedule/stop_channel.hpp"

namespace tunescope {

/// What a rank reports of a trial that ended.
struct TrialSummary {
  TrialEnd end = TrialEnd::kDone;
  double score = 0.0;  ///< at the best evaluation; NaN if there is none
  double seconds = 0.0;
};

/// What a rank and the coordinator (see `distribute_trials`) send each other: the rank asks for trials and reports on
/// those that it has; the coordinator answers each request with a trial's index or `kNoTrial`. A rank whose device is
/// broken gives back each trial that it has and leaves.
struct WorkerMessage {
  enum class Kind : std::int32_t { kNext, kNextCompanion, kProgress, kEnd, kGiveBack, kLeave };
  static constexpr std::int64_t kNoTrial = -1;

  Kind kind = Kind::kNext;
  std::int64_t trial = kNoTrial;
  std::int64_t step = 0;
  std::int64_t steps = 0;
  TrialSummary summary = {};
  double start_seconds = 0.0;  ///< what the sender needs until a trial's first step is done
};

/// A rank's side of the queue of trials.
class TrialQueue {
 public:
  /// `channel` is null on rank 0, where the coordinator polls it.
  TrialQueue(const Communicator& communicator, StopChannel* channel) : communicator_(communicator), channel_(channel) {}

  /// The next trial, or nothing if none is left for this rank.
  std::optional<TrialIndex> next();
  /// Another trial that may be co-trained with `trial`, or nothing: no compatible one is left, or this rank already has
  /// its share. A refusal stays valid until this rank finishes a trial.
  std::optional<TrialIndex> next_companion(TrialIndex trial);
  /// Tells rank 0 how far a trial is, from time to time; cheap enough for every step.
  void report(TrialIndex trial, std::int64_t step, std::int64_t steps);
  void finish(TrialIndex trial, const TrialSummary& summary);
  /// Gives the trials that this rank has back to the queue, and asks for no more. Nothing may hold their claims.
  void leave();
  /// Learns of a stop of other ranks, and tells them of this rank's; cheap enough for every step.
  void poll_stop();

 private:
  using Clock = std::chrono::steady_clock;

  // A trial in training here.
  struct InTraining {
    Clock::time_point taken;
    std::optional<Clock::time_point> last_report;
  };

  std::optional<TrialIndex> ask(const WorkerMessage& request);

  const Communicator& communicator_;
  StopChannel* channel_;
  std::map<TrialIndex, InTraining> in_training_;
  std::chrono::duration<double> latest_start_{0.0};  // of a trial, until its first report
};

}  // namespace tunescope
