#include "../../backends/training/adamw.hpp"

namespace tunescope::cuda {

AdamWSteps* const adamw_step_ = nullptr;

}  // namespace tunescope::cuda
