#include "tunescope/model/weights/packed_weights.hpp"

#include <spdlog/spdlog.h>

#include <new>

namespace tunescope {
namespace {

// Below, the time of a product hardly depends on how its matrix lies.
constexpr std::int64_t kSmallestPacked = 256 * 256;

}  // namespace

PackedWeights::PackedWeights(const ParameterCatalogue& catalogue, std::span<const at::Tensor> backbone) {
  for (ParameterIndex i = 0; i < backbone.size(); ++i) {
    const at::Tensor& tensor = backbone[i];
    if (!catalogue[i].is_matrix() || !tensor.is_cpu() || tensor.scalar_type() != at::kFloat) continue;
    frozen_.emplace(tensor.storage().data(), tensor);
    if (tensor.numel() >= kSmallestPacked) frozen_numbers_ += tensor.numel();
  }
}

double PackedWeights::expected_bytes() const { return 2.0 * static_cast<double>(frozen_numbers_) * sizeof(float); }

const PackedMatrix* PackedWeights::find(const at::Tensor& matrix) {
  if (matrix.numel() < kSmallestPacked || !frozen_.contains(matrix.storage().data())) return nullptr;
  const std::optional<Packing> packing = PackedMatrix::best_packing();
  if (!packing) return nullptr;
  const Place place{matrix.const_data_ptr(), matrix.size(0), matrix.size(1), matrix.stride(0)};
  if (const auto known = copies_.find(place); known != copies_.end()) return &known->second;
  try {
    return &copies_.emplace(place, PackedMatrix(matrix, *packing)).first->second;
  } catch (const std::bad_alloc&) {
    spdlog::warn("no memory for packed weights: products are slower from now on");
    copies_.clear();
    frozen_.clear();
    return nullptr;
  }
}

}  // namespace tunescope
