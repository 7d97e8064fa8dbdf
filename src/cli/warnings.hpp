#pragma once

#include <string>
#include <vector>

#include "tunescope/sweep/sweep.hpp"

namespace tunescope::cli {

/// To the standard error output.
void print_warning(const std::string& message);

/// Those of trials or Fisher runs whose files do not count.
template <typename Planned>
void print_warnings(const std::vector<Planned>& all) {
  for (const Planned& planned : all) {
    if (!planned.warning.empty()) print_warning(planned.warning);
  }
}

/// `merge_results`, with a warning for all that it leaves out.
void merge_and_warn(const SweepSpec& spec, const std::vector<PlannedTrial>& trials,
                    const std::vector<std::string>& fisher_ids, SweepInputs* inputs, const InputHashes& hashes,
                    bool is_complete);

}  // namespace tunescope::cli
