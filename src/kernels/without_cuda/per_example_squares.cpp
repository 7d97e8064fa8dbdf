#include "../backends/per_example_squares.hpp"

namespace tunescope::cuda {

AddSquaredProducts* const add_squared_products = nullptr;
AddSquaredLayerNorm* const add_squared_layer_norm = nullptr;
AddSquaredScatters* const add_squared_scatters = nullptr;

}  // namespace tunescope::cuda
