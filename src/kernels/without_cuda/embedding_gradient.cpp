#include "../backends/embedding_gradient.hpp"

namespace tunescope::cuda {

EmbeddingGradients* const embedding_gradients = nullptr;

}  // namespace tunescope::cuda
