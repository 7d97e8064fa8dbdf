#include "low_rank.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>

#include "tunescope/kernels/dropout.hpp"
#include "tunescope/kernels/products/grouped_product.hpp"

namespace tunescope {

LowRankTerms::LowRankTerms(Recording& pass, const RowLayout& rows, std::span<const LinearParameters> layers)
    : pass_(pass), rows_(&rows) {
  const ModelParameters& parameters = pass.parameters();
  for (std::size_t model = 0; model < parameters.model_count(); ++model) {
    std::int64_t column = 0;
    for (const LinearParameters& layer : layers) {
      const LayerAdditions* const added = parameters.additions_to(model, layer.weight);
      if (added != nullptr) add_terms(model, *added, column);
      column += layer.outputs(parameters.first(layer.weight).sizes());
    }
  }
}

void LowRankTerms::add_terms(std::size_t model, const LayerAdditions& added, std::int64_t first_column) {
  for (const LowRank& one : added.low_rank) {
    const Term term{.down = {model, one.down},
                    .up = {model, one.up},
                    .columns = {first_column + one.columns.first, one.columns.count},
                    .scale = one.scale};
    const bool needs_down = pass_.use(term.down);
    const bool needs_up = pass_.use(term.up);
    needs_input_ = needs_input_ || needs_down;
    needs_gradients_ = needs_gradients_ || needs_down || needs_up;
    const bool is_on = pass_.tokens().streams.keys.size() > 0 && one.dropout > 0.0;
    group_for(term, is_on ? Dropout{one.dropout, one.site} : Dropout()).terms.push_back(term);
  }
}

LowRankTerms::Group& LowRankTerms::group_for(const Term& term, const Dropout& dropout) {
  const auto found = std::ranges::find_if(groups_, [&](const Group& group) {
    return group.dropout.probability == dropout.probability && group.dropout.site == dropout.site &&
           group.terms.back().down.model != term.down.model;
  });
  return found == groups_.end() ? groups_.emplace_back(Group{dropout, {}}) : *found;
}

at::Tensor LowRankTerms::dropped(const at::Tensor& input, const Dropout& dropout) const {
  if (dropout.probability == 0.0) return input;
  const at::Tensor own = input.to(pass_.parameters().first(0).scalar_type(), /*non_blocking=*/false, /*copy=*/true);
  apply_dropout_(own, *rows_, dropout);
  return own.to(input.scalar_type());
}

at::Tensor LowRankTerms::outputs_of(const at::Tensor& all, const Term& term) const {
  return all.defined() ? rows_of(all, term).narrow(1, term.columns.first, term.columns.count) : all;
}

at::Tensor LowRankTerms::operand(const Recording::AddedTensor& matrix) const {
  return pass_.parameters().operand(matrix.model, pass_.added(matrix));
}

at::Tensor LowRankTerms::empty_hidden(const Group& group) const {
  std::int64_t highest_rank = 0;
  for (const Term& term : group.terms) highest_rank = std::max(highest_rank, pass_.added(term.down).size(0));
  return at::empty({rows_->row_count(), highest_rank}, pass_.parameters().first(0).options());
}

at::Tensor LowRankTerms::hidden_of(const at::Tensor& all, const Term& term) const {
  return all.defined() ? rows_of(all, term).narrow(1, 0, pass_.added(term.down).size(0)) : all;
}

void LowRankTerms::add_to(const at::Tensor& outputs, const at::Tensor& input) {
  for (Group& group : groups_) {
    const at::Tensor read = dropped(input, group.dropout);
    const at::Tensor product = empty_hidden(group);
    std::vector<GroupedProduct> down, up;
    for (const Term& term : group.terms) {
      down.push_back({rows_of(read, term), operand(term.down).t(), hidden_of(product, term), term.scale});
    }
    grouped_product(down);
    const at::Tensor hidden = pass_.rounded({product}).operand();
    for (Term& term : group.terms) {
      const at::Tensor own = hidden_of(hidden, term);
      up.push_back({own, operand(term.up).t(), outputs_of(outputs, term), 1.0, Accumulate::kYes});
      pass_.count_forward(own.size(0), pass_.added(term.down).numel() + pass_.added(term.up).numel());
      if (pass_.needs(term.up)) term.hidden = own;
    }
    grouped_product(up);
  }
}

void LowRankTerms::backward(const at::Tensor& input, const TypedResult& output_gradient,
                            const at::Tensor& input_gradient) const {
  for (const Group& group : groups_) {
    const at::Tensor read = needs_input_ ? dropped(input, group.dropout) : at::Tensor();
    if (group.dropout.probability == 0.0 || !input_gradient.defined()) {
      backward(group, read, output_gradient, input_gradient);
      continue;
    }
    const at::Tensor of_read = at::zeros_like(input_gradient);
    backward(group, read, output_gradient, of_read);
    apply_dropout_(of_read, *rows_, group.dropout);
    input_gradient.add_(of_read);
  }
}

// dB = dyᵀ (s drop(x) Aᵀ) and, with g = s dy B, dA = gᵀ drop(x); drop(x) has the gradient g A.
void LowRankTerms::backward(const Group& group, const at::Tensor& read, const TypedResult& output_gradient,
                            const at::Tensor& of_read) const {
  const at::Tensor product = empty_hidden(group);
  std::vector<GroupedProduct> up, down;
  std::vector<Recording::AddedUse> up_uses, down_uses;
  for (const Term& term : group.terms) {
    const TypedResult own{outputs_of(output_gradient.own, term), outputs_of(output_gradient.bfloat16, term)};
    up_uses.push_back({term.up, term.hidden, own});
    up.push_back({own.operand(), operand(term.up), hidden_of(product, term), term.scale});
  }
  pass_.on_added(*rows_, up_uses);
  if (!needs_input_ && !of_read.defined()) return;
  grouped_product(up);
  const TypedResult of_hidden = pass_.rounded({product});
  for (const Term& term : group.terms) {
    const TypedResult own{hidden_of(of_hidden.own, term), hidden_of(of_hidden.bfloat16, term)};
    pass_.count_backward(own.own.size(0), pass_.added(term.up).numel());
    if (needs_input_) down_uses.push_back({term.down, rows_of(read, term), own});
    if (!of_read.defined()) continue;
    pass_.count_backward(own.own.size(0), pass_.added(term.down).numel());
    down.push_back({own.operand(), operand(term.down), rows_of(of_read, term), 1.0, Accumulate::kYes});
  }
  pass_.on_added(*rows_, down_uses);
  grouped_product(down);
}

}  // namespace tunescope
