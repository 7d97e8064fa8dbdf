#include "fuzzed_file.hpp"
#include "tunescope/results/results_file.hpp"

using namespace tunescope;

// The bytes as the file of a trial and as that of a Fisher run, read and merged. What passes the checksum by design is
// fuzz_result_tables' subject.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::FuzzedFile file(data, size);
  const std::filesystem::path merged = fuzz::folder() / "merged.h5";
  fuzz::read_or_refuse([&] { read_trial_row(file.path()); });
  fuzz::read_or_refuse([&] { read_fisher(file.path()); });
  fuzz::read_or_refuse([&] { read_fisher_diagonal(file.path(), {"w"}); });
  fuzz::read_or_refuse(
      [&] { merge_files(merged, {.trial_files = {file.path()}, .fisher_files = {}, .masks = {}}, {}); });
  fuzz::read_or_refuse(
      [&] { merge_files(merged, {.trial_files = {}, .fisher_files = {file.path()}, .masks = {}}, {}); });
  return 0;
}
