#include "tunescope/io/checked_tensors.hpp"

#include <stdexcept>

#include "tunescope/base/error.hpp"
#include "tunescope/base/hash.hpp"
#include "tunescope/io/sealed_file.hpp"

namespace tunescope {
namespace {

std::string checksum_of_earlier_builds(const CheckedTensors& saved) {
  Sha256 hash;
  hash.update(saved.text);
  for (const auto& [name, tensor] : saved.tensors) {
    hash.update(name).update({static_cast<const char*>(tensor.const_data_ptr()), tensor.nbytes()});
  }
  return hash.hex_digest();
}

}  // namespace

void refuse_checkpoint(const std::filesystem::path& path, const std::string& reason) {
  throw DataError(path.string() + ": the checkpoint is damaged: " + reason);
}

void write_checked_tensors(const std::filesystem::path& path, const CheckedTensors& saved) {
  write_safetensors(path, saved.tensors, {{"state", saved.text}});
}

CheckedTensors read_checked_tensors(const std::filesystem::path& path) {
  try {
    const Safetensors file = Safetensors::open_file(path);
    CheckedTensors saved{.tensors = {}, .text = file.metadata().at("state")};
    for (const std::string& name : file.names()) saved.tensors.emplace_back(name, file.tensor(name).clone());
    const bool is_intact = file.metadata().contains(kSealEntry)
                               ? has_intact_seal(path)
                               : file.metadata().at("sha256") == checksum_of_earlier_builds(saved);
    if (!is_intact) refuse_checkpoint(path, "its checksum does not match");
    return saved;
  } catch (const ModelError& error) {
    refuse_checkpoint(path, error.what());
  } catch (const std::out_of_range&) {
    refuse_checkpoint(path, "its checksum is missing");
  }
}

}  // namespace tunescope
