#include "tunescope/model/weights/packed_weights.hpp"

namespace tunescope {
namespace {

// Below, the time of a product hardly depends on how its matrix lies.
constexpr std::int64_t kSmallestPacked = 256 * 256;

}  // namespace

double PackedWeights::most_bytes(const ParameterCatalogue& catalogue) {
  std::int64_t numbers = 0;
  for (const ParameterInfo& info : catalogue.parameters()) {
    if (info.is_matrix() && !info.is_head() && info.size() >= kSmallestPacked) numbers += info.size();
  }
  return 2.0 * static_cast<double>(numbers) * sizeof(float);
}

PackedWeights::PackedWeights(std::span<const at::Tensor> frozen) {
  for (const at::Tensor& tensor : frozen) {
    if (tensor.is_cpu() && tensor.scalar_type() == at::kFloat) frozen_.emplace(tensor.storage().data(), tensor);
  }
}

const PackedMatrix* PackedWeights::find(const at::Tensor& matrix) {
  if (matrix.numel() < kSmallestPacked || !frozen_.contains(matrix.storage().data())) return nullptr;
  if (!PackedMatrix::is_supported()) return nullptr;
  const Place place{matrix.const_data_ptr(), matrix.size(0), matrix.size(1), matrix.stride(0)};
  const auto known = copies_.find(place);
  return &(known != copies_.end() ? known : copies_.emplace(place, PackedMatrix(matrix)).first)->second;
}

}  // namespace tunescope
