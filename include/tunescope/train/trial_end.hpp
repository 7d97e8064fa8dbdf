#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace tunescope {

/// How work on a trial ended.
enum class TrialEnd : std::int32_t {
  kDone,
  kDiverged,             ///< the loss or a gradient was not finite; the trial is finished
  kFailed,               ///< with an exception, at every attempt; the next sweep tries it again
  kStopped,              ///< on request before its last step; in a `TrialSummary`, with its state saved
  kNotSaved,             ///< on request; its state could not be saved
  kGivenBack,            ///< to the queue, by a rank whose device is broken
  kTakenByAnotherSweep,  ///< which trains it or has trained it
};

/// The word for it in result files and messages.
std::string_view to_string(TrialEnd end);

/// The end with this word; nothing if there is none.
std::optional<TrialEnd> parse_trial_end(std::string_view word);

/// Whether a trial that ended so is never trained again.
constexpr bool is_final(TrialEnd end) { return end == TrialEnd::kDone || end == TrialEnd::kDiverged; }

}  // namespace tunescope
