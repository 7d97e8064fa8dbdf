#include "linear_use.hpp"

#include <utility>

#include "model/operations/added/rescale.hpp"
#include "model/operations/linear_products.hpp"
#include "tunescope/base/error.hpp"

namespace tunescope {

LinearUse::LinearUse(Recording& pass, std::span<const LinearParameters> layers, const Value& input)
    : pass_(pass), rows_(input.rows), layers_(layers.begin(), layers.end()), low_rank_(pass, *input.rows, layers) {
  const Value read = rescaled_input(pass, layers, input);
  slot_ = read.slot;
  is_needed_ = pass.use(layers) || low_rank_.needs_gradients() || slot_;
  input_ = pass.operand(read);
  factor_ = low_rank_.needs_input() ? input_ : pass.factor(layers, input_);
}

at::Tensor LinearUse::outputs() {
  at::Tensor outputs = apply_linear(pass_, *rows_, layers_, input_);
  low_rank_.add_to(outputs, std::exchange(input_, {}));
  return outputs;
}

at::Tensor LinearUse::outputs_without_bias() {
  for (std::size_t model = 0; model < rows_->model_count(); ++model) {
    const LayerAdditions* const added = pass_.parameters().additions_to(model, layers_.front().weight);
    if (added != nullptr && !added->outputs.empty()) throw Error("the outputs of this layer cannot be rescaled");
  }
  at::Tensor outputs = linear_without_bias(pass_, *rows_, layers_, input_);
  low_rank_.add_to(outputs, std::exchange(input_, {}));
  return outputs;
}

void LinearUse::backward(const TypedResult& output_gradient, Gradients& gradients) const {
  pass_.on_linear(*rows_, layers_, pass_.factor(layers_, factor_), output_gradient);
  if (slot_) add_input_gradient(pass_, *rows_, layers_, output_gradient.operand(), gradients[*slot_]);
  low_rank_.backward(factor_, output_gradient, slot_ ? gradients[*slot_] : at::Tensor());
}

}  // namespace tunescope
