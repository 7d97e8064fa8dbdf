#include "../rows.hpp"

#include <ATen/Dispatch.h>
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "../../backends/dropout.hpp"
#include "../../backends/layer_norm.hpp"
#include "../vector_clones.hpp"
#include "tunescope/base/error.hpp"

namespace tunescope::cpu {
namespace {

template <typename Scalar>
struct Moments {
  Scalar mean = 0;
  Scalar rstd = 0;
};

template <typename Scalar>
[[gnu::always_inline]] inline void add(Scalar* row, const Scalar* other, std::int64_t width) {
  for (std::int64_t i = 0; i < width; ++i) row[i] += other[i];
}

template <typename Scalar>
[[gnu::always_inline]] inline Moments<Scalar> normalize(const Scalar* row, const Scalar* weight, const Scalar* bias,
                                                        Scalar epsilon, std::int64_t width, Scalar* output) {
  Scalar sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::int64_t i = 0; i < width; ++i) sum += row[i];
  const Scalar mean = sum / static_cast<Scalar>(width);
  Scalar squares = 0;
#pragma omp simd reduction(+ : squares)
  for (std::int64_t i = 0; i < width; ++i) squares += (row[i] - mean) * (row[i] - mean);
  const Scalar rstd = Scalar{1} / std::sqrt(squares / static_cast<Scalar>(width) + epsilon);
  for (std::int64_t i = 0; i < width; ++i) output[i] = (row[i] - mean) * rstd * weight[i] + bias[i];
  return {mean, rstd};
}

// With g = dy w and x̂ the normalized row: dx = rstd (g - mean of g - x̂ mean of g x̂).
template <typename Scalar>
[[gnu::always_inline]] inline void differentiate(const Scalar* output_gradient, const Scalar* row, const Scalar* weight,
                                                 Moments<Scalar> moments, std::int64_t width, Scalar* gradient) {
  const Scalar mean = moments.mean;
  const Scalar rstd = moments.rstd;
  Scalar sum = 0;
  Scalar products = 0;
#pragma omp simd reduction(+ : sum, products)
  for (std::int64_t i = 0; i < width; ++i) {
    const Scalar scaled = output_gradient[i] * weight[i];
    sum += scaled;
    products += scaled * (row[i] - mean);
  }
  const Scalar mean_gradient = sum / static_cast<Scalar>(width);
  const Scalar slope = products * rstd * rstd / static_cast<Scalar>(width);
  for (std::int64_t i = 0; i < width; ++i) {
    gradient[i] = rstd * (output_gradient[i] * weight[i] - mean_gradient - (row[i] - mean) * slope);
  }
}

template <typename Scalar>
[[gnu::always_inline]] inline Scalar squares(const Scalar* row, std::int64_t width) {
  Scalar sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::int64_t i = 0; i < width; ++i) sum += row[i] * row[i];
  return sum;
}

TUNESCOPE_VECTOR_CLONES void add_row(float* row, const float* other, std::int64_t width) { add(row, other, width); }
TUNESCOPE_VECTOR_CLONES void add_row(double* row, const double* other, std::int64_t width) { add(row, other, width); }

TUNESCOPE_VECTOR_CLONES Moments<float> normalize_row(const float* row, const float* weight, const float* bias,
                                                     float epsilon, std::int64_t width, float* output) {
  return normalize(row, weight, bias, epsilon, width, output);
}
TUNESCOPE_VECTOR_CLONES Moments<double> normalize_row(const double* row, const double* weight, const double* bias,
                                                      double epsilon, std::int64_t width, double* output) {
  return normalize(row, weight, bias, epsilon, width, output);
}

TUNESCOPE_VECTOR_CLONES void differentiate_row(const float* output_gradient, const float* row, const float* weight,
                                               Moments<float> moments, std::int64_t width, float* gradient) {
  differentiate(output_gradient, row, weight, moments, width, gradient);
}
TUNESCOPE_VECTOR_CLONES void differentiate_row(const double* output_gradient, const double* row, const double* weight,
                                               Moments<double> moments, std::int64_t width, double* gradient) {
  differentiate(output_gradient, row, weight, moments, width, gradient);
}

TUNESCOPE_VECTOR_CLONES float squares_of_row(const float* row, std::int64_t width) { return squares(row, width); }
TUNESCOPE_VECTOR_CLONES double squares_of_row(const double* row, std::int64_t width) { return squares(row, width); }

// What is written for each row on demand: the sum of its squares.
template <typename Scalar>
class RowSquares {
 public:
  explicit RowSquares(const at::Tensor& sums) : sums_(sums.defined() ? sums.mutable_data_ptr<Scalar>() : nullptr) {}

  void put(const Scalar* values, std::int64_t row, std::int64_t width) const {
    if (sums_ != nullptr) sums_[row] = squares_of_row(values, width);
  }

 private:
  Scalar* sums_;
};

// Applies dropout to one row. The mask of a sequence continues from row to row.
template <typename Scalar>
class RowDropout {
 public:
  RowDropout(const RowLayout& rows, const Dropout& dropout, std::int64_t width)
      : rows_(rows), dropout_(dropout), width_(width) {}

  void apply(Scalar* values, const Row& row) const {
    if (dropout_.probability <= 0.0) return;
    const std::int64_t first = (row.index - rows_.sequence_offsets[row.sequence]) * width_;
    apply_dropout(values, {first, width_}, dropout_mask(rows_.streams, row.sequence, dropout_));
  }

 private:
  const RowLayout& rows_;
  const Dropout& dropout_;
  std::int64_t width_;
};

// Layer normalization forward, row by row.
template <typename Scalar>
class Normalization {
 public:
  // Writes the mean and the reciprocal of the standard deviation into `saved`.
  Normalization(const LayerNormWeights& parameters, const LayerNormActivations& saved)
      : weight_(pointers<Scalar>(parameters.weight)),
        bias_(pointers<Scalar>(parameters.bias)),
        epsilon_(static_cast<Scalar>(parameters.epsilon)),
        width_(saved.input.size(1)),
        mean_(saved.mean.mutable_data_ptr<Scalar>()),
        rstd_(saved.rstd.mutable_data_ptr<Scalar>()) {}

  void apply(const Scalar* input, const Row& row, Scalar* output) const {
    const auto [mean, rstd] = normalize_row(input, weight_[row.model], bias_[row.model], epsilon_, width_, output);
    mean_[row.index] = mean;
    rstd_[row.index] = rstd;
  }

 private:
  std::vector<const Scalar*> weight_, bias_;
  Scalar epsilon_;
  std::int64_t width_;
  Scalar* mean_;
  Scalar* rstd_;
};

// One of the embedding tables whose rows are summed.
template <typename Scalar>
class Table {
 public:
  explicit Table(const EmbeddingLookup& rows)
      : row_count_(rows.table.front().size(0)),
        width_(rows.table.front().size(1)),
        table_(pointers<Scalar>(rows.table)),
        ids_(rows.ids.const_data_ptr<std::int64_t>()) {}

  const Scalar* operator[](const Row& row) const {
    const std::int64_t id = ids_[row.index];
    if (id >= 0 && id < row_count_) return table_[row.model] + id * width_;
    throw ModelError(fmt::format("id {} is not in an embedding of {} rows", id, row_count_));
  }

 private:
  std::int64_t row_count_;
  std::int64_t width_;
  std::vector<const Scalar*> table_;
  const std::int64_t* ids_;
};

}  // namespace

void residual_layer_norm(const ResidualSum& sum, const LayerNormWeights& parameters, const RowLayout& rows,
                         const Dropout& dropout, const LayerNormActivations& saved, const at::Tensor& output,
                         const LayerNormExtras& extras) {
  const std::int64_t width = saved.input.size(1);
  AT_DISPATCH_FLOATING_TYPES(output.scalar_type(), "residual_layer_norm", [&] {
    scalar_t* const input = saved.input.mutable_data_ptr<scalar_t>();
    const scalar_t* const residual = sum.residual.const_data_ptr<scalar_t>();
    scalar_t* const normalized = output.mutable_data_ptr<scalar_t>();
    const std::vector<const scalar_t*> bias = pointers<scalar_t>(sum.bias);
    const RowDropout<scalar_t> row_dropout(rows, dropout, width);
    const Normalization<scalar_t> normalization(parameters, saved);
    const RowSquares<scalar_t> of_output(extras.output_squares);
    const RowSquares<scalar_t> of_branch(extras.branch_squares);
    for_each_row(rows, [&](const Row& row) {
      const std::int64_t first = row.index * width;
      add_row(input + first, bias[row.model], width);
      row_dropout.apply(input + first, row);
      of_branch.put(input + first, row.index, width);
      add_row(input + first, residual + first, width);
      normalization.apply(input + first, row, normalized + first);
      of_output.put(normalized + first, row.index, width);
    });
  });
  if (extras.bfloat16.defined()) extras.bfloat16.copy_(output);
}

void residual_layer_norm_backward(const NormalizedGradients& of_results, const PerModelTensors& weight,
                                  const RowLayout& rows, const Dropout& dropout, const LayerNormActivations& saved,
                                  const ResidualGradients& gradients, const ResidualGradientExtras& extras) {
  const std::int64_t width = saved.input.size(1);
  const at::Tensor& residual = gradients.residual;
  const at::Tensor& branch = gradients.branch;
  AT_DISPATCH_FLOATING_TYPES(residual.scalar_type(), "residual_layer_norm_backward", [&] {
    const scalar_t* const from = of_results.output.const_data_ptr<scalar_t>();
    const scalar_t* const from_sum = of_results.sum.defined() ? of_results.sum.const_data_ptr<scalar_t>() : nullptr;
    const scalar_t* const input = saved.input.const_data_ptr<scalar_t>();
    const scalar_t* const mean = saved.mean.const_data_ptr<scalar_t>();
    const scalar_t* const rstd = saved.rstd.const_data_ptr<scalar_t>();
    scalar_t* const to_residual = residual.mutable_data_ptr<scalar_t>();
    scalar_t* const to_branch = branch.mutable_data_ptr<scalar_t>();
    const std::vector<const scalar_t*> weights = pointers<scalar_t>(weight);
    const RowDropout<scalar_t> row_dropout(rows, dropout, width);
    const RowSquares<scalar_t> of_output(extras.output_squares);
    const RowSquares<scalar_t> of_residual(extras.residual_squares);
    for_each_row(rows, [&](const Row& row) {
      const std::int64_t first = row.index * width;
      differentiate_row(from + first, input + first, weights[row.model], {mean[row.index], rstd[row.index]}, width,
                        to_residual + first);
      if (from_sum != nullptr) add_row(to_residual + first, from_sum + first, width);
      of_output.put(from + first, row.index, width);
      of_residual.put(to_residual + first, row.index, width);
      if (to_branch == to_residual) return;
      std::copy_n(to_residual + first, width, to_branch + first);
      row_dropout.apply(to_branch + first, row);
    });
  });
  if (extras.branch_bfloat16.defined()) extras.branch_bfloat16.copy_(branch);
}

void embedding_layer_norm(std::span<const EmbeddingLookup> tables, const LayerNormWeights& parameters,
                          const RowLayout& rows, const EmbeddingDropout& dropout, const LayerNormActivations& saved,
                          const at::Tensor& output, const LayerNormExtras& extras) {
  const std::int64_t width = saved.input.size(1);
  AT_DISPATCH_FLOATING_TYPES(output.scalar_type(), "embedding_layer_norm", [&] {
    scalar_t* const input = saved.input.mutable_data_ptr<scalar_t>();
    scalar_t* const normalized = output.mutable_data_ptr<scalar_t>();
    const std::vector<Table<scalar_t>> found(tables.begin(), tables.end());
    const RowDropout<scalar_t> dropout_of_sum(rows, dropout.of_sum, width);
    const RowDropout<scalar_t> dropout_of_output(rows, dropout.of_output, width);
    const Normalization<scalar_t> normalization(parameters, saved);
    const RowSquares<scalar_t> of_output(extras.output_squares);
    for_each_row(rows, [&](const Row& row) {
      const std::int64_t first = row.index * width;
      std::copy_n(found.front()[row], width, input + first);
      for (std::size_t i = 1; i < found.size(); ++i) add_row(input + first, found[i][row], width);
      dropout_of_sum.apply(input + first, row);
      normalization.apply(input + first, row, normalized + first);
      dropout_of_output.apply(normalized + first, row);
      of_output.put(normalized + first, row.index, width);
    });
  });
  if (extras.bfloat16.defined()) extras.bfloat16.copy_(output);
}

}  // namespace tunescope::cpu
