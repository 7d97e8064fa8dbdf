#include "fuzzed_file.hpp"
#include "tunescope/io/safetensors.hpp"

using namespace tunescope;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::FuzzedFile file(data, size);
  fuzz::read_or_refuse([&] {
    const Safetensors tensors = Safetensors::open_file(file.path());
    for (const std::string& name : tensors.names()) {
      tensors.tensor(name).clone();
      tensors.float_tensor(name);
    }
    tensors.content_hash();
  });
  return 0;
}
