#include "tunescope/fisher/depth_profile.hpp"

#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include <array>

#include "tunescope/kernels/layout_numbers.hpp"

namespace tunescope {

DepthProfile::DepthProfile(const ParameterCatalogue& catalogue, at::Device device)
    : sums_(at::zeros({kDepthQuantities, static_cast<std::int64_t>(catalogue.encoder_layers()) + 1},
                      at::TensorOptions(at::kDouble).device(device))) {}

void DepthProfile::on_activation(DepthPoint point, std::size_t layer, const at::Tensor& squares) {
  keep(static_cast<DepthQuantity>(point), layer, squares);
}

void DepthProfile::on_gradient(DepthPoint point, std::size_t layer, const at::Tensor& squares) {
  keep(static_cast<DepthQuantity>(static_cast<std::int64_t>(DepthQuantity::kHiddenGradient) +
                                  static_cast<std::int64_t>(point)),
       layer, squares);
}

void DepthProfile::keep(DepthQuantity quantity, std::size_t layer, const at::Tensor& squares) {
  places_.push_back(static_cast<std::int64_t>(quantity) * sums_.size(1) + static_cast<std::int64_t>(layer));
  shown_.push_back(squares);
}

// All at once, whatever the number of layers: a pass has as many rows everywhere.
void DepthProfile::add_up() {
  if (shown_.empty()) return;
  LayoutNumbers<std::int64_t> places;
  const CopiedNumbers copied(std::array{CopiedNumbers::List{places_, &places}}, sums_.device());
  sums_.view(-1).index_add_(0, copied.tensor(places), at::stack(shown_).sum(1, false, at::kDouble));
  places_.clear();
  shown_.clear();
}

}  // namespace tunescope
