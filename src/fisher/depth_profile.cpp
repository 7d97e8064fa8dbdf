#include "tunescope/fisher/depth_profile.hpp"

#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/zeros.h>

namespace tunescope {

DepthProfile::DepthProfile(const ParameterCatalogue& catalogue, at::Device device)
    : sums_(at::zeros({kDepthQuantities, static_cast<std::int64_t>(catalogue.encoder_layers()) + 1},
                      at::TensorOptions(at::kDouble).device(device))) {}

void DepthProfile::on_activation(DepthPoint point, std::size_t layer, const at::Tensor& rows) {
  add(static_cast<DepthQuantity>(point), layer, rows);
}

void DepthProfile::on_gradient(DepthPoint point, std::size_t layer, const at::Tensor& rows) {
  add(static_cast<DepthQuantity>(static_cast<std::int64_t>(DepthQuantity::kHiddenGradient) +
                                 static_cast<std::int64_t>(point)),
      layer, rows);
}

void DepthProfile::add(DepthQuantity quantity, std::size_t layer, const at::Tensor& rows) {
  const at::Tensor norm = at::linalg_vector_norm(rows, 2, std::nullopt, false, at::kDouble);
  sums_[static_cast<std::int64_t>(quantity)][static_cast<std::int64_t>(layer)].add_(norm.square());
}

}  // namespace tunescope
