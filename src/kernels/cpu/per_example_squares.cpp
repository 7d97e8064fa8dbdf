#include "../backends/per_example_squares.hpp"

#include <ATen/Parallel.h>

#include <algorithm>
#include <vector>

#include "products/squared_products.hpp"

namespace tunescope::cpu {
namespace {

std::int64_t round_up(std::int64_t value, std::int64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

// The tensor itself if the numbers of a row are contiguous (rows may be apart), else a copy.
at::Tensor with_unit_stride(const at::Tensor& matrix) { return matrix.stride(1) == 1 ? matrix : matrix.contiguous(); }

}  // namespace

// The rows of `sums` are split into blocks, and the blocks over the threads. The squares of a block fit into the
// second-level cache of a core.
void add_squared_products(std::span<const SquaredSums> layers, const at::Tensor& output_gradient,
                          const at::Tensor& input, const RowGroups& groups) {
  constexpr std::int64_t kBlockElements = 65536;
  constexpr std::int64_t kRowMultiple = 12;
  std::vector<std::int64_t> offsets;
  for (std::int64_t group = 0; group <= groups.count(); ++group) offsets.push_back(groups.begin(group));
  std::int64_t column = 0;
  for (const SquaredSums& layer : layers) {
    const std::int64_t outputs = layer.outputs;
    const at::Tensor gradients = with_unit_stride(output_gradient.narrow(1, column, outputs));
    column += outputs;
    if (layer.bias.defined()) aten::add_squared_sums(layer.bias, gradients, groups);
    if (!layer.weight.defined()) continue;
    const at::Tensor inputs = with_unit_stride(input);
    const std::int64_t width = layer.weight.size(1);
    double* const sums = layer.weight.mutable_data_ptr<double>();
    // The same number of blocks for each thread, and whole register tiles in each block.
    const std::int64_t blocks = round_up(outputs * width / kBlockElements + 1, at::get_num_threads());
    const std::int64_t rows = round_up((outputs + blocks - 1) / blocks, kRowMultiple);
    at::parallel_for(0, (outputs + rows - 1) / rows, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t first = begin * rows; first < std::min(end * rows, outputs); first += rows) {
        add_squared_products_on_cpu(
            sums + first * width,
            {gradients.const_data_ptr<float>() + first, std::min(rows, outputs - first), gradients.stride(0)},
            {inputs.const_data_ptr<float>(), width, inputs.stride(0)}, offsets);
      }
    });
  }
}

}  // namespace tunescope::cpu
