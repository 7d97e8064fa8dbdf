#include "warnings.hpp"

#include <spdlog/fmt/fmt.h>

#include <cstdio>

#include "tunescope/sweep/merge.hpp"

namespace tunescope::cli {

void print_warning(const std::string& message) { fmt::print(stderr, "warning: {}\n", message); }

void merge_and_warn(const SweepSpec& spec, const std::vector<PlannedTrial>& trials,
                    const std::vector<std::string>& fisher_ids, SweepInputs* inputs, const InputHashes& hashes,
                    bool is_complete) {
  for (const std::string& warning : merge_results(spec, trials, fisher_ids, inputs, hashes, is_complete)) {
    print_warning(warning);
  }
}

}  // namespace tunescope::cli
