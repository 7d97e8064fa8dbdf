#include "../../backends/training/batch_losses.hpp"

namespace tunescope::cuda {

BatchLosses* const batch_losses = nullptr;

}  // namespace tunescope::cuda
