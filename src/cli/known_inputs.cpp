#include "cli/known_inputs.hpp"

#include <string>

#include "cli/display/warnings.hpp"
#include "tunescope/base/error.hpp"
#include "tunescope/storage/recorded_inputs.hpp"

namespace tunescope::cli {
namespace {

void take_recorded(KnownInputs& known, const SweepSpec& spec, const Error& error) {
  const std::optional<InputHashes> recorded = recorded_inputs(spec);
  if (!recorded) throw;
  print_warning(std::string(error.what()) + "; the trials are those of the inputs that the last sweep read");
  known.hashes = *recorded;
  known.are_recorded = true;
}

}  // namespace

KnownInputs know_inputs(const SweepSpec& spec) {
  KnownInputs known;
  try {
    known.inputs = std::make_unique<SweepInputs>(spec, print_warning);
    known.hashes = known.inputs->load_and_hash();
  } catch (const DataError& error) {
    take_recorded(known, spec, error);
  } catch (const ModelError& error) {
    take_recorded(known, spec, error);
  }
  return known;
}

}  // namespace tunescope::cli
