#include "../backends/layer_norm.hpp"

namespace tunescope::cuda {

ResidualLayerNorm* const residual_layer_norm = nullptr;
ResidualLayerNormBackward* const residual_layer_norm_backward = nullptr;
EmbeddingLayerNorm* const embedding_layer_norm = nullptr;

}  // namespace tunescope::cuda
