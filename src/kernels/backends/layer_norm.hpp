#pragma once

#include "kernel.hpp"
#include "tunescope/kernels/layer_norm.hpp"

namespace tunescope {

// See `residual_layer_norm` and so on; `output`, `gradients` and the tensors of `saved` have their shapes.
using ResidualLayerNorm = void(const ResidualSum& sum, const LayerNormWeights& parameters, const RowLayout& rows,
                               const Dropout& dropout, const LayerNormActivations& saved, const at::Tensor& output);
using ResidualLayerNormBackward = void(const at::Tensor& output_gradient, const PerModelTensors& weight,
                                       const RowLayout& rows, const Dropout& dropout, const LayerNormActivations& saved,
                                       const ResidualGradients& gradients);
using ParameterGradients = void(const at::Tensor& output_gradient, const LayerNormActivations& saved,
                                const LayerNormParameterGradients& gradients);
using EmbeddingLayerNorm = void(std::span<const EmbeddingLookup> tables, const LayerNormWeights& parameters,
                                const RowLayout& rows, const Dropout& dropout, const LayerNormActivations& saved,
                                const at::Tensor& output);

const Kernel<ResidualLayerNorm>& residual_layer_norm_kernel();
const Kernel<ResidualLayerNormBackward>& residual_layer_norm_backward_kernel();
const Kernel<ParameterGradients>& layer_norm_parameter_gradients_kernel();
const Kernel<EmbeddingLayerNorm>& embedding_layer_norm_kernel();

namespace cpu {
// One pass over each row, with the parameters of its model.
ResidualLayerNorm residual_layer_norm;
ResidualLayerNormBackward residual_layer_norm_backward;
EmbeddingLayerNorm embedding_layer_norm;
}  // namespace cpu

namespace aten {
// Model by model.
ResidualLayerNorm residual_layer_norm;
ResidualLayerNormBackward residual_layer_norm_backward;
ParameterGradients layer_norm_parameter_gradients;
EmbeddingLayerNorm embedding_layer_norm;
}  // namespace aten

}  // namespace tunescope
