#include "../backends/linear.hpp"

#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <array>
#include <vector>

#include "column_parts.hpp"
#include "rows.hpp"
#include "vector_clones.hpp"

namespace tunescope::cpu {
namespace {

template <typename Scalar>
[[gnu::always_inline]] inline void multiply_all(const Scalar* from, const Scalar* by, Scalar* to, std::int64_t count) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) to[i] = from[i] * by[i];
}

TUNESCOPE_VECTOR_CLONES void multiply_columns(const float* from, const float* by, float* to, std::int64_t count) {
  multiply_all(from, by, to, count);
}
TUNESCOPE_VECTOR_CLONES void multiply_columns(const double* from, const double* by, double* to, std::int64_t count) {
  multiply_all(from, by, to, count);
}

// The vectors of some columns as their kernel reads them; null: a model has none.
template <typename Scalar>
struct ColumnVectors {
  std::int64_t width;
  std::vector<const Scalar*> of_models;
};

template <typename Scalar>
std::vector<ColumnVectors<Scalar>> vectors_of(std::span<const ScaledColumns> columns) {
  std::vector<ColumnVectors<Scalar>> all;
  for (const ScaledColumns& own : columns) {
    all.push_back({own.width, {}});
    for (const at::Tensor& vector : own.vectors) {
      all.back().of_models.push_back(vector.defined() ? vector.const_data_ptr<Scalar>() : nullptr);
    }
  }
  return all;
}

// Some columns of the rows of one vector's gradient. `input` is null if the vector was added to the rows.
template <typename Scalar>
struct SummedColumns {
  const Scalar* output_gradient;
  const Scalar* input;
  std::int64_t gradient_stride, input_stride;  // from row to row
};

template <typename Scalar>
using ColumnSums = std::array<Scalar, kMostColumns>;

template <int kRows, bool kHasInput, typename Scalar>
[[gnu::always_inline]] inline void sum_some_rows(const SummedColumns<Scalar>& from, std::int64_t first,
                                                 std::int64_t columns, ColumnSums<Scalar>& sums) {
  const Scalar* const gradient = from.output_gradient + first * from.gradient_stride;
  const Scalar* const input = kHasInput ? from.input + first * from.input_stride : nullptr;
  Scalar* const of_columns = sums.data();
#pragma omp simd
  for (std::int64_t i = 0; i < columns; ++i) {
    Scalar sum = 0;
    for (int row = 0; row < kRows; ++row) {
      const Scalar number = gradient[row * from.gradient_stride + i];
      if constexpr (kHasInput) {
        sum += number * input[row * from.input_stride + i];
      } else {
        sum += number;
      }
    }
    of_columns[i] += sum;
  }
}

template <bool kHasInput, typename Scalar>
[[gnu::always_inline]] inline void sum_each_row(const SummedColumns<Scalar>& from, std::int64_t rows,
                                                std::int64_t columns, ColumnSums<Scalar>& sums) {
  constexpr int kAtOnce = 4;
  std::int64_t row = 0;
  for (; row + kAtOnce <= rows; row += kAtOnce) sum_some_rows<kAtOnce, kHasInput>(from, row, columns, sums);
  for (; row < rows; ++row) sum_some_rows<1, kHasInput>(from, row, columns, sums);
}

template <typename Scalar>
[[gnu::always_inline]] inline void sum_all_rows(const SummedColumns<Scalar>& from, std::int64_t rows,
                                                std::int64_t columns, ColumnSums<Scalar>& sums) {
  if (from.input == nullptr) {
    sum_each_row<false>(from, rows, columns, sums);
  } else {
    sum_each_row<true>(from, rows, columns, sums);
  }
}

TUNESCOPE_VECTOR_CLONES void sum_columns(const SummedColumns<float>& from, std::int64_t rows, std::int64_t columns,
                                         ColumnSums<float>& sums) {
  sum_all_rows(from, rows, columns, sums);
}
TUNESCOPE_VECTOR_CLONES void sum_columns(const SummedColumns<double>& from, std::int64_t rows, std::int64_t columns,
                                         ColumnSums<double>& sums) {
  sum_all_rows(from, rows, columns, sums);
}

// Consecutive columns of one of several gradients.
struct GradientPart {
  std::size_t gradient;
  std::int64_t first, columns;
};

std::vector<GradientPart> cut_into_parts(std::span<const VectorGradient> gradients) {
  std::int64_t total = 0;
  for (const VectorGradient& own : gradients) total += own.output_gradient.size(1);
  const std::int64_t most_columns = columns_of_a_part(total);
  std::vector<GradientPart> parts;
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    const std::int64_t width = gradients[i].output_gradient.size(1);
    for (std::int64_t first = 0; first < width; first += most_columns) {
      parts.push_back({i, first, std::min(most_columns, width - first)});
    }
  }
  return parts;
}

template <typename Scalar>
void sum_part(const VectorGradient& own, const GradientPart& part) {
  const auto& [gradient, input, target] = own;
  ColumnSums<Scalar> sums = {};
  sum_columns({gradient.const_data_ptr<Scalar>() + part.first,
               input.defined() ? input.const_data_ptr<Scalar>() + part.first : nullptr, gradient.stride(0),
               input.defined() ? input.stride(0) : 0},
              gradient.size(0), part.columns, sums);
  put_sums(sums.data(), part.first, part.columns, target);
}

}  // namespace

void multiply_rows(const at::Tensor& input, std::span<const ScaledColumns> columns, const RowLayout& rows,
                   const at::Tensor& output) {
  const std::int64_t width = input.size(1);
  AT_DISPATCH_FLOATING_TYPES(input.scalar_type(), "multiply_rows", [&] {
    const scalar_t* const all_from = input.const_data_ptr<scalar_t>();
    scalar_t* const all_to = output.mutable_data_ptr<scalar_t>();
    const std::vector<ColumnVectors<scalar_t>> vectors = vectors_of<scalar_t>(columns);
    for_each_row(rows, [&](const Row& row) {
      const scalar_t* from = all_from + row.index * width;
      scalar_t* to = all_to + row.index * width;
      for (const ColumnVectors<scalar_t>& own : vectors) {
        if (const scalar_t* const by = own.of_models[row.model]) {
          multiply_columns(from, by, to, own.width);
        } else if (to != from) {
          std::copy_n(from, own.width, to);
        }
        from += own.width;
        to += own.width;
      }
    });
  });
}

void vector_gradients(std::span<const VectorGradient> gradients) {
  const std::vector<GradientPart> parts = cut_into_parts(gradients);
  AT_DISPATCH_FLOATING_TYPES(gradients.front().output_gradient.scalar_type(), "vector_gradients", [&] {
    at::parallel_for(0, static_cast<std::int64_t>(parts.size()), 1, [&](std::int64_t begin, std::int64_t end) {
      for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
        sum_part<scalar_t>(gradients[parts[i].gradient], parts[i]);
      }
    });
  });
}

}  // namespace tunescope::cpu
