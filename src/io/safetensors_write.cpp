#include <fstream>
#include <nlohmann/json.hpp>

#include "tunescope/base/error.hpp"
#include "tunescope/io/atomic_file.hpp"
#include "tunescope/io/safetensors.hpp"
#include "tunescope/io/sealed_file.hpp"

namespace tunescope {
namespace {

constexpr std::size_t kHeaderAlignment = 8;

at::ScalarType stored_type(const at::Tensor& tensor) {
  return tensor.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
}

std::string header_of(const NamedTensors& tensors, const std::map<std::string, std::string>& metadata) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  header["__metadata__"] = metadata;  // first, so that the place for the seal is near the start of the file
  std::int64_t begin = 0;
  for (const auto& [name, tensor] : tensors) {
    const at::ScalarType type = stored_type(tensor);
    const std::int64_t end = begin + tensor.numel() * static_cast<std::int64_t>(c10::elementSize(type));
    header[name] = {{"dtype", type == at::kDouble ? "F64" : "F32"},
                    {"shape", tensor.sizes().vec()},
                    {"data_offsets", {begin, end}}};
    begin = end;
  }
  std::string text = header.dump();
  text.resize((text.size() + kHeaderAlignment - 1) / kHeaderAlignment * kHeaderAlignment, ' ');
  return text;
}

}  // namespace

void write_safetensors(const std::filesystem::path& path, const NamedTensors& tensors,
                       std::map<std::string, std::string> metadata) {
  metadata[kSealEntry] = kEmptySeal;
  write_atomically(path, [&](const std::filesystem::path& temporary) {
    std::ofstream stream(temporary, std::ios::binary);
    const std::string header = header_of(tensors, metadata);
    const std::uint64_t length = header.size();  // little-endian, like every machine that this runs on
    stream.write(reinterpret_cast<const char*>(&length), sizeof length);
    stream.write(header.data(), static_cast<std::streamsize>(header.size()));
    for (const auto& [name, tensor] : tensors) {
      const at::Tensor stored = tensor.cpu().to(stored_type(tensor)).contiguous();
      stream.write(static_cast<const char*>(stored.const_data_ptr()), static_cast<std::streamsize>(stored.nbytes()));
    }
    stream.close();
    if (!stream) throw EnvironmentError(path.string() + ": cannot be written; is the filesystem full?");
    seal_file(temporary);
  });
}

bool is_intact_safetensors(const std::filesystem::path& path) {
  try {
    return !Safetensors::open_file(path).metadata().contains(kSealEntry) || has_intact_seal(path);
  } catch (const ModelError&) {
    return false;
  }
}

}  // namespace tunescope
