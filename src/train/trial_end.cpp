#include "tunescope/train/trial_end.hpp"

#include <array>
#include <utility>

namespace tunescope {
namespace {

constexpr std::array<std::pair<TrialEnd, std::string_view>, 7> kWords = {{
    {TrialEnd::kDone, "done"},
    {TrialEnd::kDiverged, "diverged"},
    {TrialEnd::kFailed, "failed"},
    {TrialEnd::kStopped, "saved"},
    {TrialEnd::kNotSaved, "not saved"},
    {TrialEnd::kGivenBack, "given back"},
    {TrialEnd::kTakenByAnotherSweep, "elsewhere"},
}};

}  // namespace

std::string_view to_string(TrialEnd end) { return kWords.at(static_cast<std::size_t>(end)).second; }

std::optional<TrialEnd> parse_trial_end(std::string_view word) {
  for (const auto& [end, its_word] : kWords) {
    if (its_word == word) return end;
  }
  return std::nullopt;
}

}  // namespace tunescope
