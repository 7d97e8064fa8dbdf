#include "tunescope/kernels/layer_norm.hpp"

#include "layer_norm_backends.hpp"

namespace tunescope {

at::Tensor residual_layer_norm(const ResidualSum& sum, const LayerNormWeights& parameters, const RowLayout& rows,
                               const Dropout& dropout, LayerNormActivations& saved) {
  return saved.input.is_cpu() ? cpu::residual_layer_norm(sum, parameters, rows, dropout, saved)
                              : aten::residual_layer_norm(sum, parameters, rows, dropout, saved);
}

ResidualGradients residual_layer_norm_backward(const at::Tensor& output_gradient, const PerModelTensors& weight,
                                               const RowLayout& rows, const Dropout& dropout,
                                               const LayerNormActivations& saved) {
  return output_gradient.is_cpu() ? cpu::residual_layer_norm_backward(output_gradient, weight, rows, dropout, saved)
                                  : aten::residual_layer_norm_backward(output_gradient, weight, rows, dropout, saved);
}

at::Tensor embedding_layer_norm(std::span<const EmbeddingLookup> tables, const LayerNormWeights& parameters,
                                const RowLayout& rows, const Dropout& dropout, LayerNormActivations& saved) {
  return tables.front().ids.is_cpu() ? cpu::embedding_layer_norm(tables, parameters, rows, dropout, saved)
                                     : aten::embedding_layer_norm(tables, parameters, rows, dropout, saved);
}

}  // namespace tunescope
