#include "tunescope/sweep/recorded_inputs.hpp"

#include <algorithm>
#include <string>

#include "tunescope/atomic_file.hpp"
#include "tunescope/error.hpp"
#include "tunescope/hdf5/file.hpp"
#include "tunescope/sweep/sweep.hpp"
#include "tunescope/text/text_file.hpp"

namespace tunescope {
namespace {

std::string recorded_text(const ResultPaths& paths) {
  try {
    if (std::filesystem::exists(paths.inputs)) return read_text(paths.inputs);
    if (std::filesystem::exists(paths.merged)) return hdf5::File::open(paths.merged).read_string_attribute("inputs");
  } catch (const Error&) {
    // A damaged file tells nothing.
  }
  return "";
}

}  // namespace

void record_inputs(const SweepSpec& spec, const InputHashes& hashes) {
  write_text_atomically(ResultPaths(spec).inputs, hashes.serialize());
}

std::optional<InputHashes> recorded_inputs(const SweepSpec& spec) {
  const InputHashes hashes = InputHashes::parse(recorded_text(ResultPaths(spec)));
  const bool is_complete =
      !hashes.model.empty() && !hashes.tokenizer.empty() &&
      std::ranges::all_of(spec.tasks, [&](const std::string& task) { return hashes.tasks.contains(task); });
  return is_complete ? std::optional(hashes) : std::nullopt;
}

}  // namespace tunescope
