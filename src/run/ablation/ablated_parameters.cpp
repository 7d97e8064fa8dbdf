#include "tunescope/run/ablation/ablated_parameters.hpp"

#include <ATen/ops/tensor.h>

namespace tunescope {
namespace {

// `inside` where the selection has a scalar, `outside` elsewhere.
at::Tensor combine(const at::Tensor& inside, const at::Tensor& outside, const TensorSelection& selection) {
  switch (selection.kind) {
    case TensorSelection::Kind::kNone:
      return outside;
    case TensorSelection::Kind::kAll:
      return inside;
    case TensorSelection::Kind::kSubset:
      break;
  }
  const at::Tensor indices = at::tensor(selection.indices, at::kLong).to(outside.device());
  at::Tensor combined = outside.contiguous().clone();
  combined.view(-1).index_copy_(0, indices, inside.reshape(-1).index_select(0, indices));
  return combined;
}

}  // namespace

std::string_view name_of(AblationKind kind) { return kind == AblationKind::kReset ? "reset" : "transplant"; }

Parameters ablated_parameters(const Parameters& initial, const Parameters& trained, const Selection& group,
                              AblationKind kind, const ParameterCatalogue& catalogue) {
  const bool is_reset = kind == AblationKind::kReset;
  const Parameters& inside = is_reset ? initial : trained;
  const Parameters& outside = is_reset ? trained : initial;
  Parameters ablated;
  for (ParameterIndex i = 0; i < catalogue.size(); ++i) {
    ablated.push_back(catalogue[i].is_head() ? trained[i] : combine(inside[i], outside[i], group[i]));
  }
  return ablated;
}

}  // namespace tunescope
