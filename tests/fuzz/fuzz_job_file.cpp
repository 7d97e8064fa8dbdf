#include "fuzzed_file.hpp"
#include "tunescope/cli/job_file.hpp"

using namespace tunescope;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::FuzzedFile file(data, size);
  fuzz::read_or_refuse([&] { cli::read_job(file.path(), {}); });
  return 0;
}
