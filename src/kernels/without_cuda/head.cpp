#include "../backends/linear.hpp"

namespace tunescope::cuda {

HeadLogits* const head_logits = nullptr;
HeadInputGradient* const head_input_gradient = nullptr;
HeadParameterGradients* const head_parameter_gradients = nullptr;

}  // namespace tunescope::cuda
