#include "cli/known_inputs.hpp"

#include <string>

#include "tunescope/base/error.hpp"
#include "tunescope/storage/recorded_inputs.hpp"

namespace tunescope::cli {
namespace {

void take_recorded(KnownInputs& known, const SweepSpec& spec, const Error& error, const DataWarning& warn) {
  const std::optional<InputHashes> recorded = recorded_inputs(spec);
  if (!recorded) throw;
  warn(std::string(error.what()) + "; the trials are those of the inputs that the last sweep read");
  known.hashes = *recorded;
  known.are_recorded = true;
}

}  // namespace

KnownInputs know_inputs(const SweepSpec& spec, const DataWarning& warn) {
  KnownInputs known;
  try {
    known.inputs = std::make_unique<SweepInputs>(spec, warn);
    known.hashes = known.inputs->load_and_hash();
  } catch (const DataError& error) {
    take_recorded(known, spec, error, warn);
  } catch (const ModelError& error) {
    take_recorded(known, spec, error, warn);
  }
  return known;
}

}  // namespace tunescope::cli
