#include "../../backends/training/segmented_sums.hpp"

namespace tunescope::cuda {

GradientNorms* const gradient_norms = nullptr;
ParameterChanges* const parameter_changes = nullptr;

}  // namespace tunescope::cuda
