#include <c10/core/DeviceGuard.h>

#include <algorithm>
#include <bit>

#include "../backends/grouped_product.hpp"
#include "device/rows/row_models.hpp"
#include "launch/launch.hpp"
#include "launch/model_launches.hpp"

namespace tunescope::cuda {
namespace {

constexpr int kTile = 16;  // rows and columns, and factors of each sum that are loaded together
constexpr int kPaddedTile = kTile + 1;

template <typename Number>
struct Operand {
  const Number* numbers;
  std::int64_t row_stride;
  std::int64_t column_stride;
  int rows;
  int columns;
};

template <typename Number>
struct DeviceProduct {
  Operand<Number> a, b;
  float* c;
  std::int64_t c_stride;
  float scale;
  bool accumulate;
};

__device__ inline float as_float(float number) { return number; }
// The bits of a bfloat16 are the upper ones of a float32.
__device__ inline float as_float(std::uint16_t number) { return std::bit_cast<float>(std::uint32_t{number} << 16U); }

// Neighbouring threads load numbers that are neighbours in memory. Beyond the matrix there are zeros.
template <typename Number>
__device__ void load_tile(float* tile, const Operand<Number>& matrix, int first_row, int first_column) {
  const bool is_row_major = matrix.column_stride == 1;
  const int row = static_cast<int>(is_row_major ? threadIdx.y : threadIdx.x);
  const int column = static_cast<int>(is_row_major ? threadIdx.x : threadIdx.y);
  const bool is_inside = first_row + row < matrix.rows && first_column + column < matrix.columns;
  const Number* const address =
      matrix.numbers + (first_row + row) * matrix.row_stride + (first_column + column) * matrix.column_stride;
  tile[row * kPaddedTile + column] = is_inside ? as_float(*address) : 0.0F;
}

// A block computes a tile of the result of product blockIdx.z.
template <typename Number>
__global__ void __launch_bounds__(kTile* kTile) multiply_groups(ByModel<DeviceProduct<Number>> products) {
  SHARED_ARRAY(float, a, kTile* kPaddedTile);
  SHARED_ARRAY(float, b, kTile* kPaddedTile);
  const DeviceProduct<Number>& product = products.of[blockIdx.z];
  const int first_row = static_cast<int>(blockIdx.x) * kTile;
  const int first_column = static_cast<int>(blockIdx.y) * kTile;
  if (first_row >= product.a.rows || first_column >= product.b.columns) return;
  float sum = 0.0F;
  for (int first = 0; first < product.a.columns; first += kTile) {
    load_tile(a, product.a, first_row, first);
    load_tile(b, product.b, first, first_column);
    __syncthreads();
    for (int i = 0; i < kTile; ++i) sum += a[threadIdx.y * kPaddedTile + i] * b[i * kPaddedTile + threadIdx.x];
    __syncthreads();
  }
  const int row = first_row + static_cast<int>(threadIdx.y);
  const int column = first_column + static_cast<int>(threadIdx.x);
  if (row >= product.a.rows || column >= product.b.columns) return;
  float& target = product.c[row * product.c_stride + column];
  target = product.accumulate ? target + product.scale * sum : product.scale * sum;
}

template <typename Number>
Operand<Number> operand_on_device(const at::Tensor& matrix) {
  return {static_cast<const Number*>(matrix.const_data_ptr()), matrix.stride(0), matrix.stride(1),
          static_cast<int>(matrix.size(0)), static_cast<int>(matrix.size(1))};
}

template <typename Number>
void launch_products_of(std::span<const GroupedProduct> products) {
  for_each_launch(products.size(), [&](const LaunchModels& of_launch) {
    std::int64_t most_rows = 0;
    std::int64_t most_columns = 0;
    const auto on_device = of_launch.table([&](std::size_t number) {
      const auto& [a, b, c, scale, accumulate] = products[number];
      most_rows = std::max(most_rows, c.size(0));
      most_columns = std::max(most_columns, c.size(1));
      return DeviceProduct<Number>{operand_on_device<Number>(a), operand_on_device<Number>(b),
                                   c.mutable_data_ptr<float>(),  c.stride(0),
                                   static_cast<float>(scale),    accumulate == Accumulate::kYes};
    });
    if (most_rows == 0 || most_columns == 0) return;
    launch(multiply_groups<Number>,
           {{blocks_for(most_rows, kTile), blocks_for(most_columns, kTile), static_cast<unsigned>(of_launch.count)},
            {kTile, kTile}},
           on_device);
  });
}

void launch_grouped_product(std::span<const GroupedProduct> products) {
  const c10::DeviceGuard guard(products.front().c.device());
  const bool is_bfloat16 = products.front().a.scalar_type() == at::kBFloat16;
  is_bfloat16 ? launch_products_of<std::uint16_t>(products) : launch_products_of<float>(products);
}

}  // namespace

GroupedProducts* const grouped_product = launch_grouped_product;

}  // namespace tunescope::cuda
