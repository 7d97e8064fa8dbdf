#include "tunescope/storage/recorded_inputs.hpp"

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "tunescope/base/error.hpp"
#include "tunescope/hdf5/file.hpp"
#include "tunescope/io/atomic_file.hpp"
#include "tunescope/storage/job_folder.hpp"
#include "tunescope/text/text_file.hpp"

namespace tunescope {
namespace {

// A damaged file tells nothing.
InputHashes parse_or_nothing(const std::function<std::string()>& read) {
  try {
    return InputHashes::parse(read());
  } catch (const Error&) {
    return {};
  }
}

bool covers(const InputHashes& hashes, const std::vector<std::string>& tasks) {
  return !hashes.model.empty() && !hashes.tokenizer.empty() &&
         std::ranges::all_of(tasks, [&](const std::string& task) { return hashes.tasks.contains(task); });
}

}  // namespace

void record_inputs(const SweepSpec& spec, const InputHashes& hashes) {
  write_text_atomically(JobFolder(spec).inputs, hashes.serialize());
}

std::optional<InputHashes> recorded_inputs(const SweepSpec& spec) {
  const JobFolder folder(spec);
  InputHashes hashes = parse_or_nothing([&] { return read_text(folder.inputs); });
  if (covers(hashes, spec.tasks)) return hashes;
  // The last sweep may have been one of some tasks alone.
  hashes = parse_or_nothing([&] { return hdf5::File::open(folder.merged).read_string_attribute("inputs"); });
  return covers(hashes, spec.tasks) ? std::optional(hashes) : std::nullopt;
}

}  // namespace tunescope
