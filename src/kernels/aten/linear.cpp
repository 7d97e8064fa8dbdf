#include "../backends/linear.hpp"

#include <ATen/ops/addmm.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/sum.h>

namespace tunescope::aten {
namespace {

// A product or a sum of a model's rows goes where its target says. `compute_into` takes the tensor to overwrite.
template <typename ComputeInto>
void write_target(const GradientTarget& target, ComputeInto compute_into) {
  if (!target.gradient.defined()) return;
  at::Tensor gradient = target.gradient;
  if (target.accumulate == Accumulate::kNo) {
    compute_into(gradient);
    return;
  }
  at::Tensor computed = at::empty_like(gradient);
  compute_into(computed);
  gradient.add_(computed);
}

}  // namespace

void fill_with_bias(const at::Tensor& output, std::span<const PerModelTensors> biases, const RowLayout& rows) {
  for (std::size_t model = 0; model < rows.model_count(); ++model) {
    std::int64_t column = 0;
    for (const PerModelTensors& bias : biases) {
      rows.of_model(output, model).narrow(1, column, bias[model].numel()).copy_(bias[model]);
      column += bias[model].numel();
    }
  }
}

void multiply_rows(const at::Tensor& input, std::span<const ScaledColumns> columns, const RowLayout& rows,
                   const at::Tensor& output) {
  if (!output.is_same(input)) output.copy_(input);
  std::int64_t column = 0;
  for (const auto& [width, vectors] : columns) {
    for (std::size_t model = 0; model < rows.model_count(); ++model) {
      if (vectors[model].defined()) rows.of_model(output, model).narrow(1, column, width).mul_(vectors[model]);
    }
    column += width;
  }
}

void vector_gradients(std::span<const VectorGradient> gradients) {
  for (const auto& [output_gradient, input, target] : gradients) {
    const at::Tensor summed = input.defined() ? output_gradient.mul(input) : output_gradient;
    write_target(target, [&](at::Tensor& sums) { at::sum_out(sums, summed, 0); });
  }
}

void head_logits(const at::Tensor& input, const PerModelTensors& weight, const PerModelTensors& bias,
                 const RowLayout& rows, std::span<const at::Tensor> logits) {
  for (std::size_t model = 0; model < logits.size(); ++model) {
    at::Tensor own = logits[model];
    const at::Tensor rows_of_model = rows.of_model(input, model);
    if (bias[model].defined()) {
      at::addmm_out(own, bias[model], rows_of_model, weight[model].t());
    } else {
      at::mm_out(own, rows_of_model, weight[model].t());
    }
  }
}

void head_input_gradient(std::span<const at::Tensor> logit_gradients, const PerModelTensors& weight,
                         const RowLayout& rows, const at::Tensor& gradient) {
  for (std::size_t model = 0; model < logit_gradients.size(); ++model) {
    at::Tensor own = rows.of_model(gradient, model);
    if (logit_gradients[model].defined()) {
      at::mm_out(own, logit_gradients[model], weight[model]);
    } else {
      own.zero_();
    }
  }
}

void head_parameter_gradients(std::span<const at::Tensor> logit_gradients, const at::Tensor& input,
                              const RowLayout& rows, std::span<const HeadTargets> targets) {
  for (std::size_t model = 0; model < targets.size(); ++model) {
    const at::Tensor& own = logit_gradients[model];
    if (!own.defined()) continue;
    write_target(targets[model].weight,
                 [&](at::Tensor& products) { at::mm_out(products, own.t(), rows.of_model(input, model)); });
    write_target(targets[model].bias, [&](at::Tensor& sums) { at::sum_out(sums, own, 0); });
  }
}

}  // namespace tunescope::aten
