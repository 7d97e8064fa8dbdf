#include "squared_products.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

namespace tunescope {
namespace {

// The kernel of `add_squared_products`. For each group it needs dYᵀ X, squares it and adds it up; the product itself is
// of no further use. So the result is cut into tiles small enough for the vector registers: a tile adds up one outer
// product of `rows` output gradients and `lanes` x `vectors` inputs per token, and after the last token of the group
// it is squared in the registers. Only the sums of squares go through memory. ("Lanes" are those of a vector register.)
template <int rows_, int lanes, int vectors>
struct Tile {
  static constexpr std::int64_t rows = rows_;
  static constexpr std::int64_t columns = lanes * vectors;
  using Vector [[gnu::vector_size(lanes * sizeof(float))]] = float;

  // squares [rows, columns] += (gradientsᵀ inputs)². `gradients` is [length, rows] and `inputs` [length, columns]; both
  // are contiguous.
  [[gnu::always_inline]] static inline void add(const float* gradients, const float* inputs, std::int64_t length,
                                                float* squares) {
    Vector sums[rows_][vectors] = {};
    for (std::int64_t t = 0; t < length; ++t) {
      Vector x[vectors];
      std::memcpy(x, inputs + t * columns, sizeof x);
#pragma GCC unroll 16
      for (int r = 0; r < rows_; ++r) {
#pragma GCC unroll 4
        for (int v = 0; v < vectors; ++v) sums[r][v] += gradients[t * rows + r] * x[v];
      }
    }
#pragma GCC unroll 16
    for (int r = 0; r < rows_; ++r) {
      Vector total[vectors];
      std::memcpy(total, squares + r * columns, sizeof total);
#pragma GCC unroll 4
      for (int v = 0; v < vectors; ++v) total[v] += sums[r][v] * sums[r][v];
      std::memcpy(squares + r * columns, total, sizeof total);
    }
  }
};

// Copies columns first ... first+width-1 of rows begin ... end-1 into one contiguous block, with zeros where the matrix
// has no such column.
template <std::int64_t width>
[[gnu::always_inline]] inline void pack(const MatrixView& matrix, std::int64_t begin, std::int64_t end,
                                        std::int64_t first, float* packed) {
  const std::int64_t count = std::min(width, matrix.columns - first);
  for (std::int64_t t = begin; t < end; ++t, packed += width) {
    const float* const row = matrix.data + t * matrix.stride + first;
    if (count == width) {
      std::memcpy(packed, row, width * sizeof(float));  // the size is a constant, so this is a few vector moves
    } else {
      std::copy(row, row + count, packed);
      std::fill(packed + count, packed + width, 0.0F);
    }
  }
}

template <typename Kernel>
[[gnu::always_inline]] inline void add_with(double* sums, const MatrixView& output_gradient, const MatrixView& input,
                                            std::span<const std::int64_t> offsets) {
  constexpr std::int64_t kRows = Kernel::rows;
  constexpr std::int64_t kColumns = Kernel::columns;
  const std::int64_t row_blocks = (output_gradient.columns + kRows - 1) / kRows;
  const std::int64_t column_blocks = (input.columns + kColumns - 1) / kColumns;
  std::int64_t longest = 0;
  for (std::size_t g = 0; g + 1 < offsets.size(); ++g) longest = std::max(longest, offsets[g + 1] - offsets[g]);
  std::vector<float> gradients(static_cast<std::size_t>(row_blocks * longest * kRows));
  std::vector<float> inputs(static_cast<std::size_t>(longest * kColumns));
  std::vector<float> squares(static_cast<std::size_t>(row_blocks * column_blocks * kRows * kColumns));

  for (std::size_t g = 0; g + 1 < offsets.size(); ++g) {
    const std::int64_t begin = offsets[g];
    const std::int64_t end = offsets[g + 1];
    const std::int64_t block = (end - begin) * kRows;
    for (std::int64_t r = 0; r < row_blocks; ++r) {
      pack<kRows>(output_gradient, begin, end, r * kRows, gradients.data() + r * block);
    }
    for (std::int64_t c = 0; c < column_blocks; ++c) {
      pack<kColumns>(input, begin, end, c * kColumns, inputs.data());
      for (std::int64_t r = 0; r < row_blocks; ++r) {
        Kernel::add(gradients.data() + r * block, inputs.data(), end - begin,
                    squares.data() + (c * row_blocks + r) * kRows * kColumns);
      }
    }
  }
  for (std::int64_t c = 0; c < column_blocks; ++c) {
    const std::int64_t width = std::min(kColumns, input.columns - c * kColumns);
    for (std::int64_t row = 0; row < output_gradient.columns; ++row) {
      const float* const source = squares.data() + (c * row_blocks * kRows + row) * kColumns;
      double* const target = sums + row * input.columns + c * kColumns;
      for (std::int64_t i = 0; i < width; ++i) target[i] += static_cast<double>(source[i]);
    }
  }
}

using AddFunction = void (*)(double*, const MatrixView&, const MatrixView&, std::span<const std::int64_t>);

void add_baseline(double* sums, const MatrixView& output_gradient, const MatrixView& input,
                  std::span<const std::int64_t> offsets) {
  add_with<Tile<4, 4, 2>>(sums, output_gradient, input, offsets);
}

#ifdef __x86_64__
[[gnu::target("avx2,fma")]] void add_avx2(double* sums, const MatrixView& output_gradient, const MatrixView& input,
                                          std::span<const std::int64_t> offsets) {
  add_with<Tile<6, 8, 2>>(sums, output_gradient, input, offsets);
}

[[gnu::target("avx512f")]] void add_avx512(double* sums, const MatrixView& output_gradient, const MatrixView& input,
                                           std::span<const std::int64_t> offsets) {
  add_with<Tile<12, 16, 2>>(sums, output_gradient, input, offsets);
}
#endif

AddFunction choose() {
#ifdef __x86_64__
  if (__builtin_cpu_supports("avx512f")) return add_avx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return add_avx2;
#endif
  return add_baseline;
}

}  // namespace

void add_squared_products_on_cpu(double* sums, const MatrixView& output_gradient, const MatrixView& input,
                                 std::span<const std::int64_t> offsets) {
  static const AddFunction add = choose();
  add(sums, output_gradient, input, offsets);
}

}  // namespace tunescope
