#pragma once

#include "kernel.hpp"
#include "tunescope/kernels/layer_norm.hpp"

namespace tunescope {

// See `residual_layer_norm` and so on; `output`, `gradients` and the tensors of `saved` have their shapes.
using ResidualLayerNorm = void(const ResidualSum& sum, const LayerNormWeights& parameters, const RowLayout& rows,
                               const Dropout& dropout, const LayerNormActivations& saved, const at::Tensor& output,
                               const LayerNormExtras& extras);
using ResidualLayerNormBackward = void(const NormalizedGradients& of_results, const PerModelTensors& weight,
                                       const RowLayout& rows, const Dropout& dropout, const LayerNormActivations& saved,
                                       const ResidualGradients& gradients, const ResidualGradientExtras& extras);
using ParameterGradients = void(const at::Tensor& output_gradient, const LayerNormActivations& saved,
                                const RowLayout& rows, std::span<const LayerNormTargets> targets);
using EmbeddingLayerNorm = void(std::span<const EmbeddingLookup> tables, const LayerNormWeights& parameters,
                                const RowLayout& rows, const EmbeddingDropout& dropout,
                                const LayerNormActivations& saved, const at::Tensor& output,
                                const LayerNormExtras& extras);

const Kernel<ResidualLayerNorm>& residual_layer_norm_kernel();
const Kernel<ResidualLayerNormBackward>& residual_layer_norm_backward_kernel();
const Kernel<ParameterGradients>& layer_norm_parameter_gradients_kernel();
const Kernel<EmbeddingLayerNorm>& embedding_layer_norm_kernel();

namespace cpu {
// One pass over each row, with the parameters of its model.
ResidualLayerNorm residual_layer_norm;
ResidualLayerNormBackward residual_layer_norm_backward;
EmbeddingLayerNorm embedding_layer_norm;
// The columns of the models split over the threads.
ParameterGradients layer_norm_parameter_gradients;
}  // namespace cpu

namespace cuda {
// Null in a build without CUDA. float32 only. One launch for up to 32 models; those of rows take widths and numbers of
// embedding tables up to these.
inline constexpr std::int64_t kWidestLayerNorm = 8192;
inline constexpr std::size_t kMostEmbeddings = 4;
extern ResidualLayerNorm* const residual_layer_norm;
extern ResidualLayerNormBackward* const residual_layer_norm_backward;
extern ParameterGradients* const layer_norm_parameter_gradients;
extern EmbeddingLayerNorm* const embedding_layer_norm;
}  // namespace cuda

namespace aten {
// Model by model.
ResidualLayerNorm residual_layer_norm;
ResidualLayerNormBackward residual_layer_norm_backward;
ParameterGradients layer_norm_parameter_gradients;
EmbeddingLayerNorm embedding_layer_norm;
}  // namespace aten

}  // namespace tunescope
