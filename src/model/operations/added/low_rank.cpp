#include "low_rank.hpp"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>

#include "tunescope/kernels/dropout.hpp"
#include "tunescope/kernels/matmul.hpp"

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
    const Dropout dropout = is_on ? Dropout{one.dropout, one.site} : Dropout();
    group_of(dropout).terms.push_back(term);
  }
}

LowRankTerms::Group& LowRankTerms::group_of(const Dropout& dropout) {
  const auto found = std::ranges::find_if(groups_, [&](const Group& group) {
    return group.dropout.probability == dropout.probability && group.dropout.site == dropout.site;
  });
  return found == groups_.end() ? groups_.emplace_back(Group{dropout, {}}) : *found;
}

at::Tensor LowRankTerms::dropped(const at::Tensor& input, const Dropout& dropout) const {
  if (dropout.probability == 0.0) return input;
  const at::Tensor own = input.to(pass_.parameters().first(0).scalar_type(), /*non_blocking=*/false, /*copy=*/true);
  apply_dropout_(own, *rows_, dropout);
  return own.to(input.scalar_type());
}

at::Tensor LowRankTerms::columns_of(const at::Tensor& all, const Term& term) const {
  return all.defined() ? rows_->of_model(all, term.down.model).narrow(1, term.columns.first, term.columns.count) : all;
}

at::Tensor LowRankTerms::operand(const Recording::AddedTensor& matrix) const {
  return pass_.parameters().operand(matrix.model, pass_.added(matrix));
}

at::Tensor LowRankTerms::scaled_product(const at::Tensor& left, const at::Tensor& right, double scale) const {
  at::Tensor product = at::empty({left.size(0), right.size(1)}, pass_.parameters().first(0).options());
  matmul(left, right, product);
  return product.mul_(scale);
}

void LowRankTerms::add_to(const at::Tensor& outputs, const at::Tensor& input) {
  for (Group& group : groups_) {
    const at::Tensor read = dropped(input, group.dropout);
    for (Term& term : group.terms) {
      const at::Tensor own = rows_->of_model(read, term.down.model);
      const at::Tensor hidden =
          pass_.rounded({scaled_product(own, operand(term.down).t(), term.scale)}).operand();  // [R, r]
      matmul(hidden, operand(term.up).t(), columns_of(outputs, term), Accumulate::kYes);
      pass_.count_forward(own.size(0), pass_.added(term.down).numel() + pass_.added(term.up).numel());
      if (pass_.needs(term.up)) term.hidden = hidden;
    }
  }
}

// dB = dyᵀ (s drop(x) Aᵀ) and, with g = s dy B, dA = gᵀ drop(x); drop(x) has the gradient g A.
void LowRankTerms::backward(const at::Tensor& input, const TypedResult& output_gradient,
                            const at::Tensor& input_gradient) const {
  for (const Group& group : groups_) {
    const bool is_dropped = group.dropout.probability > 0.0;
    const at::Tensor read = needs_input_ ? dropped(input, group.dropout) : at::Tensor();
    const bool has_own_gradient = is_dropped && input_gradient.defined();
    const at::Tensor of_read = has_own_gradient ? at::zeros_like(input_gradient) : input_gradient;
    for (const Term& term : group.terms) {
      const TypedResult of_outputs{columns_of(output_gradient.own, term), columns_of(output_gradient.bfloat16, term)};
      if (pass_.needs(term.up)) pass_.on_added(*rows_, term.up, term.hidden, of_outputs);
      if (!pass_.needs(term.down) && !of_read.defined()) continue;
      const TypedResult of_hidden =
          pass_.rounded({scaled_product(of_outputs.operand(), operand(term.up), term.scale)});  // [R, r]
      pass_.count_backward(of_hidden.own.size(0), pass_.added(term.up).numel());
      if (pass_.needs(term.down)) {
        pass_.on_added(*rows_, term.down, rows_->of_model(read, term.down.model), of_hidden);
      }
      if (!of_read.defined()) continue;
      pass_.count_backward(of_hidden.own.size(0), pass_.added(term.down).numel());
      matmul(of_hidden.operand(), operand(term.down), rows_->of_model(of_read, term.down.model), Accumulate::kYes);
    }
    if (!has_own_gradient) continue;
    apply_dropout_(of_read, *rows_, group.dropout);
    input_gradient.add_(of_read);
  }
}

}  // namespace tunescope
