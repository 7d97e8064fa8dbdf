#include "../backends/batch_losses.hpp"

namespace tunescope::cuda {

BatchLosses* const batch_losses = nullptr;

}  // namespace tunescope::cuda
