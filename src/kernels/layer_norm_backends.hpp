#pragma once

#include "tunescope/kernels/layer_norm.hpp"

namespace tunescope {

namespace cpu {
// One pass over each row, with the parameters of its model.
at::Tensor residual_layer_norm(const ResidualSum& sum, const LayerNormWeights& parameters, const RowLayout& rows,
                               const Dropout& dropout, LayerNormActivations& saved);
ResidualGradients residual_layer_norm_backward(const at::Tensor& output_gradient, const PerModelTensors& weight,
                                               const RowLayout& rows, const Dropout& dropout,
                                               const LayerNormActivations& saved);
at::Tensor embedding_layer_norm(std::span<const EmbeddingLookup> tables, const LayerNormWeights& parameters,
                                const RowLayout& rows, const Dropout& dropout, LayerNormActivations& saved);
}  // namespace cpu

namespace aten {
// Composed of ATen operations, model by model, on any device.
at::Tensor residual_layer_norm(const ResidualSum& sum, const LayerNormWeights& parameters, const RowLayout& rows,
                               const Dropout& dropout, LayerNormActivations& saved);
ResidualGradients residual_layer_norm_backward(const at::Tensor& output_gradient, const PerModelTensors& weight,
                                               const RowLayout& rows, const Dropout& dropout,
                                               const LayerNormActivations& saved);
at::Tensor embedding_layer_norm(std::span<const EmbeddingLookup> tables, const LayerNormWeights& parameters,
                                const RowLayout& rows, const Dropout& dropout, LayerNormActivations& saved);
}  // namespace aten

}  // namespace tunescope
