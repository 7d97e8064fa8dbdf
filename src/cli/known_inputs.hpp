#pragma once

#include <memory>

#include "cli/display/warnings.hpp"
#include "tunescope/plan/inputs.hpp"

namespace tunescope::cli {

/// The inputs of a job whose trials are looked at, not trained. Scratch folders are purged, so hashes may be
/// all that is left of data and model; they are enough to find the trials.
struct KnownInputs {
  std::unique_ptr<SweepInputs> inputs;  ///< null if the model cannot be read
  InputHashes hashes;
  bool are_recorded = false;  ///< the hashes are those of the last sweep's inputs, not of these
};

/// Reads a job's inputs or, with a warning, what was recorded of them. Throws as `SweepInputs` does if nothing was.
KnownInputs know_inputs(const SweepSpec& spec, const DataWarning& warn = print_warning);

}  // namespace tunescope::cli
