#include "bottleneck.hpp"

#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "tunescope/kernels/products/grouped_product.hpp"

namespace tunescope {
namespace {

// Bottlenecks of one kind, size and activation, at most one for each model of the pass. The kernels of the activation
// take the rows of all models at once; those of models without one are zero.
class AlikeBottlenecks {
 public:
  AlikeBottlenecks(Recording& pass, const RowLayout& rows, const Bottleneck& kind, std::int64_t size)
      : pass_(pass), rows_(rows), kind_(kind), size_(size) {}

  bool reads_sum() const { return kind_.input == BottleneckInput::kSum; }
  bool needs_gradients() const { return needs_gradients_; }
  bool are_like(const Bottleneck& other, std::int64_t size) const {
    return other.input == kind_.input && other.activation == kind_.activation && size == size_;
  }

  // Counts the use of its tensors.
  void add(std::size_t model, const Bottleneck& added);

  // Adds f(z Dᵀ + d) Uᵀ + u to the outputs, where z is the input.
  void add_to(const at::Tensor& outputs, const Value& input);

  // Tells the sink, and adds to the gradient of the input unless it is undefined. That may be the gradient of the
  // outputs itself.
  void backward(const TypedResult& output_gradient, const at::Tensor& input_gradient) const;

 private:
  struct Own {
    std::size_t model;
    Recording::AddedTensor down, down_bias, up, up_bias;
  };
  at::Tensor operand(const Recording::AddedTensor& matrix) const {
    return pass_.parameters().operand(matrix.model, pass_.added(matrix));
  }
  TypedResult rows_of(const TypedResult& all, std::size_t model) const {
    return {rows_.of_model(all.own, model),
            all.bfloat16.defined() ? rows_.of_model(all.bfloat16, model) : at::Tensor()};
  }

  Recording& pass_;
  const RowLayout& rows_;
  Bottleneck kind_;
  std::int64_t size_;
  std::vector<Own> own_;
  bool needs_gradients_ = false;
  at::Tensor input_;   // what products read of z
  at::Tensor values_;  // z Dᵀ + d [R, m]
  at::Tensor hidden_;  // f of that, as products read it
};

void AlikeBottlenecks::add(std::size_t model, const Bottleneck& added) {
  own_.push_back({.model = model,
                  .down = {model, added.down.weight},
                  .down_bias = {model, *added.down.bias},
                  .up = {model, added.up.weight},
                  .up_bias = {model, *added.up.bias}});
  const Own& own = own_.back();
  for (const Recording::AddedTensor& tensor : {own.down, own.down_bias, own.up, own.up_bias}) {
    needs_gradients_ = pass_.use(tensor) || needs_gradients_;
  }
}

void AlikeBottlenecks::add_to(const at::Tensor& outputs, const Value& input) {
  const at::TensorOptions type = pass_.parameters().first(0).options();
  input_ = pass_.operand(input);
  values_ = at::zeros({rows_.row_count(), size_}, type);
  PerModelTensors biases(rows_.model_count(), at::zeros({size_}, type));
  std::vector<GroupedProduct> down, up;
  for (const Own& own : own_) {
    const at::Tensor read = rows_.of_model(input_, own.model);
    down.push_back({read, operand(own.down).t(), rows_.of_model(values_, own.model)});
    biases[own.model] = pass_.added(own.down_bias);
    pass_.count_forward(read.size(0), pass_.added(own.down).numel() + pass_.added(own.up).numel());
  }
  grouped_product(down);
  const ResultTypes types = pass_.parameters().multiply_in_bfloat16() ? ResultTypes::kBfloat16 : ResultTypes::kOwn;
  hidden_ = bias_activation(kind_.activation, values_, biases, rows_, types).operand();
  for (const Own& own : own_) {
    const at::Tensor added_to = rows_.of_model(outputs, own.model);
    up.push_back({rows_.of_model(hidden_, own.model), operand(own.up).t(), added_to, 1.0, Accumulate::kYes});
    added_to.add_(pass_.added(own.up_bias));
  }
  grouped_product(up);
}

// dU = dyᵀ f(z Dᵀ + d) and, with g = f' ⊙ (dy U), dD = gᵀ z; z has the gradient g D.
void AlikeBottlenecks::backward(const TypedResult& output_gradient, const at::Tensor& input_gradient) const {
  const at::Tensor of_hidden = at::zeros_like(values_);
  std::vector<GroupedProduct> up, down;
  std::vector<Recording::AddedUse> up_uses, down_uses;
  for (const Own& own : own_) {
    const TypedResult of_outputs = rows_of(output_gradient, own.model);
    up_uses.push_back({own.up, rows_.of_model(hidden_, own.model), of_outputs});
    up_uses.push_back({own.up_bias, {}, of_outputs});
    pass_.count_backward(of_outputs.own.size(0), pass_.added(own.up).numel());
    up.push_back({of_outputs.operand(), operand(own.up), rows_.of_model(of_hidden, own.model)});
  }
  pass_.on_added(rows_, up_uses);
  grouped_product(up);
  const ResultTypes types = pass_.parameters().multiply_in_bfloat16() ? ResultTypes::kBoth : ResultTypes::kOwn;
  const TypedResult of_values = activation_backward(kind_.activation, values_, of_hidden, types);
  for (const Own& own : own_) {
    const TypedResult of_own = rows_of(of_values, own.model);
    down_uses.push_back({own.down, rows_.of_model(input_, own.model), of_own});
    down_uses.push_back({own.down_bias, {}, of_own});
    if (!input_gradient.defined()) continue;
    pass_.count_backward(of_own.own.size(0), pass_.added(own.down).numel());
    const at::Tensor of_input = rows_.of_model(input_gradient, own.model);
    down.push_back({of_own.operand(), operand(own.down), of_input, 1.0, Accumulate::kYes});
  }
  pass_.on_added(rows_, down_uses);
  grouped_product(down);
}

const Bottleneck* bottleneck_behind(const Recording& pass, std::size_t model, const LinearParameters& layer) {
  const LayerAdditions* const added = pass.parameters().additions_to(model, layer.weight);
  return added != nullptr && added->bottleneck ? &*added->bottleneck : nullptr;
}

std::vector<AlikeBottlenecks> list_bottlenecks(Recording& pass, const RowLayout& rows, const LinearParameters& layer) {
  std::vector<AlikeBottlenecks> kinds;
  for (std::size_t model = 0; model < rows.model_count(); ++model) {
    const Bottleneck* const added = bottleneck_behind(pass, model, layer);
    if (added == nullptr) continue;
    const std::int64_t size = pass.added({model, added->down.weight}).size(0);
    const auto known =
        std::ranges::find_if(kinds, [&](const AlikeBottlenecks& alike) { return alike.are_like(*added, size); });
    AlikeBottlenecks& alike = known == kinds.end() ? kinds.emplace_back(pass, rows, *added, size) : *known;
    alike.add(model, *added);
  }
  return kinds;
}

}  // namespace

bool has_bottlenecks(const Recording& pass, const LinearParameters& layer) {
  for (std::size_t model = 0; model < pass.parameters().model_count(); ++model) {
    if (bottleneck_behind(pass, model, layer) != nullptr) return true;
  }
  return false;
}

Value add_bottlenecks(Recording& pass, const LinearParameters& layer, const Value& branch,
                      const std::function<Value()>& add_residual) {
  const RowLayout& rows = *branch.rows;
  std::vector<AlikeBottlenecks> kinds = list_bottlenecks(pass, rows, layer);
  const bool read_sum = std::ranges::any_of(kinds, &AlikeBottlenecks::reads_sum);
  const Value sum = read_sum ? add_residual() : Value();
  const at::Tensor output = branch.tensor.clone();
  bool is_needed = branch.slot || sum.slot;
  for (AlikeBottlenecks& alike : kinds) {
    alike.add_to(output, alike.reads_sum() ? sum : branch);
    is_needed = is_needed || alike.needs_gradients();
  }
  return pass.record(output, rows, is_needed,
                     [&pass, kinds = std::move(kinds), branch = branch.slot, sum = sum.slot](
                         std::span<const TypedResult> outputs, Gradients& gradients) {
                       const TypedResult gradient = pass.rounded(outputs.front());
                       const at::Tensor of_branch = branch ? gradient.own : at::Tensor();
                       const at::Tensor of_sum = sum ? at::zeros_like(gradient.own) : at::Tensor();
                       for (const AlikeBottlenecks& alike : kinds) {
                         alike.backward(gradient, alike.reads_sum() ? of_sum : of_branch);
                       }
                       if (branch) gradients.add(*branch, of_branch);
                       if (sum) gradients.add(*sum, of_sum);
                     });
}

}  // namespace tunescope
