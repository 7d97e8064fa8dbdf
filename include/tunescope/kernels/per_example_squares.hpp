#pragma once

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cstdint>
#include <span>

#include "tunescope/kernels/layer_norm.hpp"

namespace tunescope {

// Sums of squared per-example gradients, for the diagonal Fisher information. The gradient of one example is a sum over
// its tokens; it must be squared after that sum and before the sum over examples. The usual backward pass, which sums
// over the whole batch at once, cannot give it. These functions compute it from the operands of the gradient (see
// `GradientSink`) and never store the gradient of more than one example and one tile of the result.

/// Rows that belong together: the tokens of one example, or of several for the biased estimate from batches (see
/// `FisherInputs::batch_size`).
struct RowGroups {
  const LayoutNumbers<std::int64_t>& sequence_offsets;  ///< [B+1], in rows, from 0
  std::int64_t sequences = 1;                           ///< of each group; the last one may have fewer

  std::int64_t sequence_count() const { return static_cast<std::int64_t>(sequence_offsets.size()) - 1; }
  std::int64_t count() const { return (sequence_count() + sequences - 1) / sequences; }
  std::int64_t row_count() const { return sequence_offsets.host.back(); }
  /// The first row of a group; of group `count()`, the number of rows.
  std::int64_t begin(std::int64_t group) const {
    return sequence_offsets[static_cast<std::size_t>(std::min(group * sequences, sequence_count()))];
  }
  std::int64_t size(std::int64_t group) const { return begin(group + 1) - begin(group); }
};

/// Where the squares of a layer's two tensors are added.
struct SquaredSums {
  at::Tensor weight;         ///< float64, in the shape of the weight, contiguous; undefined: not wanted
  at::Tensor bias;           ///< float64; likewise
  std::int64_t outputs = 0;  ///< of the layer, the numbers of its bias
};

/// For linear layers with the same input: weight += Σ_g (dY_gᵀ X_g)², bias += Σ_g (column sums of dY_g)², elementwise.
/// `output_gradient` dY [T, sum of the layers' outputs], side by side; `input` X [T, in], undefined if no weight is
/// wanted. Both are in bfloat16, or in one other type. Products of bfloat16 numbers are summed in float32. On a GPU
/// that multiplies in TF32 (`Tf32Products`), dY and X are rounded to it, for weights and biases, where their columns
/// are multiples of 8.
void add_squared_products(std::span<const SquaredSums> layers, const at::Tensor& output_gradient,
                          const at::Tensor& input, const RowGroups& groups);

/// For layer normalization, with x̂ the normalized rows: weight += Σ_g (column sums of dY_g x̂_g)², bias as above.
/// `output_gradient` dY [T, H].
void add_squared_layer_norm(const SquaredSums& sums, const at::Tensor& output_gradient,
                            const LayerNormActivations& saved, const RowGroups& groups);

/// For an embedding table: within each group, rows with the same id are summed; sums[id] += (that sum)². `sums` [V, H]
/// float64, contiguous; `rows` [T, H], one for each id. The groups of the ids' order, if there is one, are these
/// groups; without it the sums on a GPU are ATen's, whose order varies from run to run.
void add_squared_scatters(const at::Tensor& sums, const EmbeddingIds& ids, const at::Tensor& rows,
                          const RowGroups& groups);

}  // namespace tunescope
