#include "tunescope/fisher/squared_gradients.hpp"

#include <ATen/ops/cat.h>
#include <ATen/ops/zeros.h>

#include <array>
#include <optional>
#include <utility>

#include "tunescope/kernels/per_example_squares.hpp"

namespace tunescope {
namespace {

// The rows of all uses of a parameter, ordered by group. The gradient of a group is the sum over its rows, whichever
// use they are of.
class GroupedRows {
 public:
  template <typename Factors>
  GroupedRows(std::span<const Factors> uses, std::int64_t group_size)
      : groups_{uses.front().rows.sequence_offsets, group_size} {
    for (const Factors& use : uses) uses_.push_back({use.rows.sequence_offsets, group_size});
    if (uses.size() == 1) return;
    std::vector<std::int64_t> offsets;
    for (std::int64_t group = 0; group <= groups_.count(); ++group) {
      offsets.push_back(0);
      for (const RowGroups& use : uses_) offsets.back() += use.begin(group);
    }
    copied_ = CopiedNumbers(std::array{CopiedNumbers::List{std::move(offsets), &joined_}},
                            uses.front().output_gradient.device());
  }

  RowGroups groups() const { return uses_.size() == 1 ? groups_ : RowGroups{joined_}; }

  // Lays the rows of the uses, one tensor for each, in that order; a single one stays as it is.
  at::Tensor arrange(const std::vector<at::Tensor>& uses) const {
    if (uses.size() == 1 || !uses.front().defined()) return uses.front();
    std::vector<at::Tensor> pieces;
    for (std::int64_t group = 0; group < groups_.count(); ++group) {
      for (std::size_t use = 0; use < uses.size(); ++use) {
        pieces.push_back(uses[use].narrow(0, uses_[use].begin(group), uses_[use].size(group)));
      }
    }
    return at::cat(pieces);
  }

 private:
  RowGroups groups_;
  std::vector<RowGroups> uses_;
  CopiedNumbers copied_;  // the offsets of several uses
  LayoutNumbers<std::int64_t> joined_;
};

// What `select` takes of each use.
template <typename Factors, typename Select>
std::vector<at::Tensor> of_each(std::span<const Factors> uses, const Select& select) {
  std::vector<at::Tensor> tensors;
  for (const Factors& use : uses) tensors.push_back(select(use));
  return tensors;
}

// The square of a weight's gradient that lies as [in, out] is that of a layer whose input and gradient are exchanged.
void add_exchanged_products(const at::Tensor& sums, const at::Tensor& output_gradient, const at::Tensor& input,
                            const RowGroups& groups) {
  const SquaredSums exchanged{sums, {}, sums.size(0)};
  add_squared_products({&exchanged, 1}, input, output_gradient, groups);
}

}  // namespace

SquaredGradients::SquaredGradients(const ParameterCatalogue& catalogue, const std::vector<bool>& needs_gradient,
                                   at::Device device, std::int64_t group_size)
    : catalogue_(catalogue), sums_(catalogue.size()), group_size_(group_size) {
  for (ParameterIndex i = 0; i < catalogue.size(); ++i) {
    if (needs_gradient[i]) sums_[i] = at::zeros(catalogue[i].shape, at::TensorOptions(at::kDouble).device(device));
  }
}

void SquaredGradients::on_linear(std::span<const LinearParameters> layers, std::span<const LinearFactors> uses) {
  const GroupedRows rows(uses, group_size_);
  // The type of the inputs, if there are any, is that of the products.
  const at::Tensor gradient = rows.arrange(of_each(uses, [](const LinearFactors& use) {
    return use.input.defined() && use.bfloat16_gradient.defined() ? use.bfloat16_gradient : use.output_gradient;
  }));
  const at::Tensor input = rows.arrange(of_each(uses, [](const LinearFactors& use) { return use.input; }));
  std::vector<SquaredSums> sums;
  for (const LinearParameters& layer : layers) {
    const at::Tensor weight = layer.layout == WeightLayout::kOutIn ? sums_[layer.weight] : at::Tensor();
    sums.push_back({weight.defined() ? weight.flatten(1) : weight, layer.bias ? sums_[*layer.bias] : at::Tensor(),
                    layer.outputs(catalogue_[layer.weight].shape)});
  }
  const std::int64_t width = sums.front().weight.defined() ? sums.front().weight.size(1) : 0;
  if (width == 0 || width == input.size(1)) {
    add_squared_products(sums, gradient, input, rows.groups());
    const at::Tensor& first = sums_[layers.front().weight];
    const bool is_in_out = layers.front().layout == WeightLayout::kInOut;
    if (is_in_out && first.defined()) add_exchanged_products(first, gradient, input, rows.groups());
    return;
  }
  // A convolution of several groups, each of which reads columns of its own.
  const std::int64_t outputs = sums.front().outputs * width / input.size(1);
  for (std::int64_t group = 0; group * width < input.size(1); ++group) {
    const auto own = [&](const at::Tensor& all) {
      return all.defined() ? all.narrow(0, group * outputs, outputs) : all;
    };
    const SquaredSums of_group{own(sums.front().weight), own(sums.front().bias), outputs};
    add_squared_products({&of_group, 1}, gradient.narrow(1, group * outputs, outputs),
                         input.narrow(1, group * width, width), rows.groups());
  }
}

void SquaredGradients::on_layer_norm(const LayerNormParameters& parameters, std::span<const LayerNormFactors> uses) {
  const GroupedRows rows(uses, group_size_);
  const auto arranged = [&](const auto& select) { return rows.arrange(of_each(uses, select)); };
  add_squared_layer_norm({sums_[parameters.weight], sums_[parameters.bias], catalogue_[parameters.bias].size()},
                         arranged([](const LayerNormFactors& use) { return use.output_gradient; }),
                         {arranged([](const LayerNormFactors& use) { return use.activations.input; }),
                          arranged([](const LayerNormFactors& use) { return use.activations.mean; }),
                          arranged([](const LayerNormFactors& use) { return use.activations.rstd; })},
                         rows.groups());
}

void SquaredGradients::on_embedding(ParameterIndex table, std::span<const EmbeddingFactors> uses) {
  if (!sums_[table].defined()) return;
  const GroupedRows rows(uses, group_size_);
  // The order is that of the rows of one use.
  const EmbeddingIds ids{rows.arrange(of_each(uses, [](const EmbeddingFactors& use) { return use.ids.of_rows; })),
                         uses.size() == 1 ? uses.front().ids.order : std::nullopt};
  add_squared_scatters(sums_[table], ids,
                       rows.arrange(of_each(uses, [](const EmbeddingFactors& use) { return use.output_gradient; })),
                       rows.groups());
}

void SquaredGradients::on_head(const LinearParameters& parameters, const HeadFactors& use) {
  const LinearFactors only{use.input, use.output_gradients.front(), use.rows};
  on_linear({&parameters, 1}, {&only, 1});
}

void SquaredGradients::on_added(std::span<const AddedFactors> tensors) {
  for (const AddedFactors& added : tensors) {
    const std::span<const LinearFactors> uses = added.uses;
    if (sums_[added.tensor].dim() == 2) {
      const LinearParameters matrix{.weight = added.tensor};
      on_linear({&matrix, 1}, uses);
      continue;
    }
    const GroupedRows rows(uses, group_size_);
    const at::Tensor summed = rows.arrange(of_each(uses, [](const LinearFactors& use) {
      return use.input.defined() ? use.output_gradient.mul(use.input) : use.output_gradient;
    }));
    const SquaredSums of_vector{{}, sums_[added.tensor], summed.size(1)};
    add_squared_products({&of_vector, 1}, summed, {}, rows.groups());
  }
}

}  // namespace tunescope
