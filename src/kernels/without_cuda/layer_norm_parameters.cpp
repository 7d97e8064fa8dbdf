#include "../backends/layer_norm.hpp"

namespace tunescope::cuda {

ParameterGradients* const layer_norm_parameter_gradients = nullptr;

}  // namespace tunescope::cuda
