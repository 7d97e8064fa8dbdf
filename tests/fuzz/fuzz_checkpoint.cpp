#include "fuzzed_file.hpp"
#include "tunescope/io/checked_tensors.hpp"
#include "tunescope/train/checkpoint.hpp"

using namespace tunescope;

// Reads a run's state and what resuming takes for granted of it.
static void load(const std::filesystem::path& path) {
  const TrainResult result = load_checkpoint(path).result;
  if (!result.evaluations.empty()) {
    (void)result.evaluations.at(result.best_evaluation).scores.at(all_metrics().size() - 1);
  }
}

// The bytes as they are, and once more behind a checksum that holds, which no mutation would find.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::FuzzedFile file(data, size);
  fuzz::read_or_refuse([&] { load(file.path()); });
  fuzz::read_or_refuse([&] {
    const Safetensors content = Safetensors::open_file(file.path());
    CheckedTensors saved;
    if (content.metadata().contains("state")) saved.text = content.metadata().at("state");
    for (const std::string& name : content.names()) saved.tensors.emplace_back(name, content.tensor(name));
    write_checked_tensors(fuzz::folder() / "checkpoint", saved);
    load(fuzz::folder() / "checkpoint");
  });
  return 0;
}
