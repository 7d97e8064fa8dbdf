#include "../backends/dropout.hpp"

namespace tunescope::cuda {

ApplyDropout* const apply_dropout_ = nullptr;

}  // namespace tunescope::cuda
