#include "tunescope/fisher/squared_gradients.hpp"

#include <ATen/ops/arange.h>
#include <ATen/ops/bucketize.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

#include "tunescope/kernels/per_example_squares.hpp"

namespace tunescope {
namespace {

// The rows of all uses of a parameter, ordered by group, and the offsets of the groups in them. The gradient of a group
// is the sum over its rows, whichever use they are of.
class GroupedRows {
 public:
  template <typename Factors>
  GroupedRows(std::span<const Factors> uses, std::int64_t group_size) {
    for (const Factors& use : uses) starts_.push_back(group_starts(use.sequence_offsets, group_size));
    for (std::size_t group = 0; group < starts_.front().size(); ++group) {
      offsets_.push_back(0);
      for (const auto& starts : starts_) offsets_.back() += starts[group];
    }
  }

  std::span<const std::int64_t> offsets() const { return offsets_; }

  // Lays the rows of the uses, one tensor for each, in that order; a single one stays as it is.
  at::Tensor arrange(const std::vector<at::Tensor>& uses) const {
    if (uses.size() == 1) return uses.front();
    std::vector<at::Tensor> pieces;
    for (std::size_t group = 0; group + 1 < offsets_.size(); ++group) {
      for (std::size_t use = 0; use < uses.size(); ++use) {
        pieces.push_back(uses[use].narrow(0, starts_[use][group], starts_[use][group + 1] - starts_[use][group]));
      }
    }
    return at::cat(pieces);
  }

 private:
  static std::vector<std::int64_t> group_starts(SequenceOffsets sequences, std::int64_t group_size) {
    std::vector<std::int64_t> starts;
    const auto count = static_cast<std::int64_t>(sequences.size()) - 1;
    for (std::int64_t sequence = 0; sequence < count; sequence += group_size) {
      starts.push_back(sequences[static_cast<std::size_t>(sequence)] - sequences[0]);
    }
    starts.push_back(sequences.host.back() - sequences[0]);
    return starts;
  }

  std::vector<std::vector<std::int64_t>> starts_;  // of each use
  std::vector<std::int64_t> offsets_;
};

// What `select` takes of each use.
template <typename Factors, typename Select>
std::vector<at::Tensor> of_each(std::span<const Factors> uses, const Select& select) {
  std::vector<at::Tensor> tensors;
  for (const Factors& use : uses) tensors.push_back(select(use));
  return tensors;
}

// [R], the number of each row's group.
at::Tensor groups_of_rows(const EmbeddingFactors& use, std::int64_t group_size) {
  const at::TensorOptions options = use.ids.options();
  const SequenceOffsets& sequences = use.sequence_offsets;
  const at::Tensor ends = at::from_blob(const_cast<std::int64_t*>(sequences.device) + 1,
                                        {static_cast<std::int64_t>(sequences.size()) - 1}, options);
  const at::Tensor rows = at::arange(sequences[0], sequences.host.back(), options);
  return at::bucketize(rows, ends, /*out_int32=*/false, /*right=*/true).floor_divide_(group_size);
}

}  // namespace

SquaredGradients::SquaredGradients(const ParameterCatalogue& catalogue, const std::vector<bool>& needs_gradient,
                                   at::Device device, std::int64_t group_size)
    : sums_(catalogue.size()), group_size_(group_size) {
  for (ParameterIndex i = 0; i < catalogue.size(); ++i) {
    if (needs_gradient[i]) sums_[i] = at::zeros(catalogue[i].shape, at::TensorOptions(at::kDouble).device(device));
  }
}

void SquaredGradients::on_linear(const LinearParameters& parameters, std::span<const LinearFactors> uses) {
  const GroupedRows rows(uses, group_size_);
  const at::Tensor gradient = rows.arrange(of_each(uses, [](const LinearFactors& use) { return use.output_gradient; }));
  if (const at::Tensor& weight = sums_[parameters.weight]; weight.defined()) {
    const at::Tensor input = rows.arrange(of_each(uses, [](const LinearFactors& use) { return use.input; }));
    add_squared_products(weight, gradient, input, rows.offsets());
  }
  if (const at::Tensor& bias = sums_[parameters.bias]; bias.defined()) {
    add_squared_sums(bias, gradient, rows.offsets());
  }
}

void SquaredGradients::on_layer_norm(const LayerNormParameters& parameters, std::span<const LayerNormFactors> uses) {
  const GroupedRows rows(uses, group_size_);
  if (const at::Tensor& weight = sums_[parameters.weight]; weight.defined()) {
    const auto product = [](const LayerNormFactors& use) {
      const LayerNormActivations& saved = use.activations;
      return saved.input.sub(saved.mean).mul_(saved.rstd).mul_(use.output_gradient);
    };
    add_squared_sums(weight, rows.arrange(of_each(uses, product)), rows.offsets());
  }
  if (const at::Tensor& bias = sums_[parameters.bias]; bias.defined()) {
    add_squared_sums(bias, rows.arrange(of_each(uses, [](const LayerNormFactors& use) { return use.output_gradient; })),
                     rows.offsets());
  }
}

void SquaredGradients::on_embedding(ParameterIndex table, std::span<const EmbeddingFactors> uses) {
  const at::Tensor& sums = sums_[table];
  if (!sums.defined()) return;
  const auto all = [&](const auto& select) {
    const std::vector<at::Tensor> tensors = of_each(uses, select);
    return tensors.size() == 1 ? tensors.front() : at::cat(tensors);
  };
  add_squared_scatters(sums, all([](const EmbeddingFactors& use) { return use.ids; }),
                       all([](const EmbeddingFactors& use) { return use.output_gradient; }),
                       all([&](const EmbeddingFactors& use) { return groups_of_rows(use, group_size_); }));
}

}  // namespace tunescope
