#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <array>

#include "../../backends/layer_norm.hpp"
#include "../column_parts.hpp"
#include "../vector_clones.hpp"

namespace tunescope::cpu {
namespace {

// Some columns of one model: the first number of each tensor.
template <typename Scalar>
struct RowColumns {
  const Scalar* output_gradient;
  const Scalar* input;
  const Scalar* mean;
  const Scalar* rstd;
  std::int64_t stride;  // from row to row
};

template <typename Scalar>
struct ParameterSums {
  std::array<Scalar, kMostColumns> weight = {};
  std::array<Scalar, kMostColumns> bias = {};
};

template <int kRows, typename Scalar>
[[gnu::always_inline]] inline void add_rows(const RowColumns<Scalar>& from, std::int64_t first, std::int64_t columns,
                                            ParameterSums<Scalar>& sums) {
  const Scalar* const gradient = from.output_gradient + first * from.stride;
  const Scalar* const input = from.input + first * from.stride;
  const Scalar* const mean = from.mean + first;
  const Scalar* const rstd = from.rstd + first;
  Scalar* const of_weight = sums.weight.data();
  Scalar* const of_bias = sums.bias.data();
#pragma omp simd
  for (std::int64_t i = 0; i < columns; ++i) {
    Scalar weight = of_weight[i];
    Scalar bias = of_bias[i];
    for (int row = 0; row < kRows; ++row) {
      const Scalar number = gradient[row * from.stride + i];
      weight += number * ((input[row * from.stride + i] - mean[row]) * rstd[row]);
      bias += number;
    }
    of_weight[i] = weight;
    of_bias[i] = bias;
  }
}

template <typename Scalar>
[[gnu::always_inline]] inline void add_all(const RowColumns<Scalar>& from, std::int64_t rows, std::int64_t columns,
                                           ParameterSums<Scalar>& sums) {
  constexpr int kAtOnce = 4;
  std::int64_t row = 0;
  for (; row + kAtOnce <= rows; row += kAtOnce) add_rows<kAtOnce>(from, row, columns, sums);
  for (; row < rows; ++row) add_rows<1>(from, row, columns, sums);
}

TUNESCOPE_VECTOR_CLONES void sum_rows(const RowColumns<float>& from, std::int64_t rows, std::int64_t columns,
                                      ParameterSums<float>& sums) {
  add_all(from, rows, columns, sums);
}
TUNESCOPE_VECTOR_CLONES void sum_rows(const RowColumns<double>& from, std::int64_t rows, std::int64_t columns,
                                      ParameterSums<double>& sums) {
  add_all(from, rows, columns, sums);
}

}  // namespace

void layer_norm_parameter_gradients(const at::Tensor& output_gradient, const LayerNormActivations& saved,
                                    const RowLayout& rows, std::span<const LayerNormTargets> targets) {
  const std::int64_t width = output_gradient.size(1);
  const auto models = static_cast<std::int64_t>(targets.size());
  const std::int64_t most_columns = columns_of_a_part(models * width);
  const std::int64_t parts = (width + most_columns - 1) / most_columns;
  AT_DISPATCH_FLOATING_TYPES(output_gradient.scalar_type(), "layer_norm_parameter_gradients", [&] {
    const scalar_t* const gradient = output_gradient.const_data_ptr<scalar_t>();
    const scalar_t* const input = saved.input.const_data_ptr<scalar_t>();
    const scalar_t* const mean = saved.mean.const_data_ptr<scalar_t>();
    const scalar_t* const rstd = saved.rstd.const_data_ptr<scalar_t>();
    at::parallel_for(0, models * parts, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t part = begin; part < end; ++part) {
        const auto model = static_cast<std::size_t>(part / parts);
        const auto& [weight, bias] = targets[model];
        if (!weight.gradient.defined() && !bias.gradient.defined()) continue;
        const std::int64_t column = part % parts * most_columns;
        const std::int64_t columns = std::min(most_columns, width - column);
        const std::int64_t row = rows.model_offsets[model];
        const std::int64_t first = row * width + column;
        ParameterSums<scalar_t> sums;
        sum_rows({gradient + first, input + first, mean + row, rstd + row, width}, rows.model_offsets[model + 1] - row,
                 columns, sums);
        put_sums(sums.weight.data(), column, columns, weight);
        put_sums(sums.bias.data(), column, columns, bias);
      }
    });
  });
}

}  // namespace tunescope::cpu
