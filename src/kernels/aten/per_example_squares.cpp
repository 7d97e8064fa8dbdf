#include "../backends/per_example_squares.hpp"

#include <ATen/Parallel.h>
#include <ATen/ops/_unique2.h>
#include <ATen/ops/addcmul.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/searchsorted.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/zeros.h>

namespace tunescope::aten {

void add_squared_sums(const at::Tensor& sums, const at::Tensor& rows, const RowGroups& groups) {
  const at::Tensor group_sums = at::empty({groups.count(), rows.size(1)}, rows.options());
  at::parallel_for(0, groups.count(), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t group = begin; group < end; ++group) {
      at::Tensor target = group_sums[group];
      at::sum_out(target, rows.narrow(0, groups.begin(group), groups.size(group)), 0);
    }
  });
  sums.add_(group_sums.to(at::kDouble).square_().sum(0));
}

void add_squared_products(std::span<const SquaredSums> layers, const at::Tensor& output_gradient,
                          const at::Tensor& input, const RowGroups& groups) {
  std::int64_t column = 0;
  for (const auto& [weight, bias, outputs] : layers) {
    const at::Tensor own = output_gradient.narrow(1, column, outputs);
    column += outputs;
    if (bias.defined()) add_squared_sums(bias, own, groups);
    if (!weight.defined()) continue;
    const at::Tensor squares = at::zeros(weight.sizes(), input.options());
    for (std::int64_t group = 0; group < groups.count(); ++group) {
      const auto rows = [&](const at::Tensor& all) { return all.narrow(0, groups.begin(group), groups.size(group)); };
      const at::Tensor product = at::mm(rows(own).t(), rows(input));
      squares.addcmul_(product, product);
    }
    weight.add_(squares);
  }
}

void add_squared_layer_norm(const SquaredSums& sums, const at::Tensor& output_gradient,
                            const LayerNormActivations& saved, const RowGroups& groups) {
  if (sums.bias.defined()) add_squared_sums(sums.bias, output_gradient, groups);
  if (!sums.weight.defined()) return;
  add_squared_sums(sums.weight, saved.input.sub(saved.mean).mul_(saved.rstd).mul_(output_gradient), groups);
}

void add_squared_scatters(const at::Tensor& sums, const EmbeddingIds& ids, const at::Tensor& rows,
                          const RowGroups& groups) {
  const std::int64_t table_size = sums.size(0);
  // The rows of a sequence end where the next one's begin.
  const at::Tensor ends = at::from_blob(const_cast<std::int64_t*>(groups.sequence_offsets.device) + 1,
                                        {groups.sequence_count()}, ids.of_rows.options());
  const at::Tensor of_rows = at::arange(rows.size(0), ids.of_rows.options());
  const at::Tensor sequences = at::searchsorted(ends, of_rows, /*out_int32=*/false, /*right=*/true);
  const at::Tensor keys = sequences.floor_divide(groups.sequences).mul_(table_size).add_(ids.of_rows);
  const auto [distinct, inverse, unused] = at::_unique2(keys, /*sorted=*/true, /*return_inverse=*/true);
  const at::Tensor merged = at::zeros({distinct.numel(), rows.size(1)}, rows.options()).index_add_(0, inverse, rows);
  sums.index_add_(0, distinct.remainder(table_size), merged.to(at::kDouble).square_());
}

}  // namespace tunescope::aten
