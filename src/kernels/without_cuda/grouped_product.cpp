#include "../backends/grouped_product.hpp"

namespace tunescope::cuda {

GroupedProducts* const grouped_product = nullptr;

}  // namespace tunescope::cuda
