#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "support/device.hpp"
#include "tunescope/model/gradient_sink.hpp"

namespace tunescope::test {

/// The first `count` of the sign sequence `number`, as tests/golden/model/make_dropout_golden.py defines it.
inline at::Tensor signs(std::int64_t count, std::uint64_t number) {
  at::Tensor values = at::empty({count}, at::TensorOptions().dtype(at::kFloat));
  for (std::int64_t i = 0; i < count; ++i) {
    std::uint64_t hash = static_cast<std::uint64_t>(i) + (number << 32U) + 0x9E3779B97F4A7C15U;
    hash = (hash ^ (hash >> 30U)) * 0xBF58476D1CE4E5B9U;
    hash = (hash ^ (hash >> 27U)) * 0x94D049BB133111EBU;
    hash ^= hash >> 31U;
    values.mutable_data_ptr<float>()[i] = ((hash >> 32U) & 1U) != 0U ? 1.0F : -1.0F;
  }
  return values;
}

/// For the gradient G of every tensor: two projections u' G v on sign vectors u and v, and the squared Euclidean norm.
/// They are computed from the operands alone; no gradient is formed.
class ProjectedGradients final : public GradientSink {
 public:
  static constexpr std::int64_t kFunctions = 3;

  explicit ProjectedGradients(const ParameterCatalogue& catalogue)
      : values(at::zeros({static_cast<std::int64_t>(catalogue.size()), kFunctions},
                         at::TensorOptions().dtype(at::kDouble))),
        catalogue_(catalogue) {
    std::int64_t longest = 0;
    for (const ParameterInfo& parameter : catalogue.parameters()) {
      for (const std::int64_t length : parameter.shape) longest = std::max(longest, length);
    }
    for (std::size_t i = 0; i < signs_.size(); ++i) signs_[i] = signs(longest, i).to(device());
  }

  ProjectedGradients(const ProjectedGradients&) = delete;  // a copy would share `values`
  ProjectedGradients& operator=(const ProjectedGradients&) = delete;

  bool needs_gradient(std::size_t, ParameterIndex) const override { return true; }

  // A pass of these networks uses each parameter once.
  void on_linear(std::span<const LinearParameters> layers, std::span<const LinearFactors> uses) override {
    const at::Tensor& input = uses.front().input;
    std::int64_t column = 0;
    for (const LinearParameters& p : layers) {
      const std::int64_t width = p.outputs(catalogue_[p.weight].shape);
      const at::Tensor output_gradient = uses.front().output_gradient.narrow(1, column, width);
      // |dY' X|² = sum of (dY dY') * (X X').
      const at::Tensor square = output_gradient.matmul(output_gradient.t()).mul(input.matmul(input.t())).sum();
      if (p.layout == WeightLayout::kOutIn) {
        add(p.weight, output_gradient, input, square);
      } else {
        add(p.weight, input, output_gradient, square);
      }
      if (p.bias) add_vector(*p.bias, output_gradient.sum(0));
      column += width;
    }
  }

  void on_layer_norm(const LayerNormParameters& p, std::span<const LayerNormFactors> uses) override {
    const LayerNormActivations& saved = uses.front().activations;
    const at::Tensor& output_gradient = uses.front().output_gradient;
    add_vector(p.weight, output_gradient.mul(saved.input.sub(saved.mean).mul(saved.rstd)).sum(0));
    add_vector(p.bias, output_gradient.sum(0));
  }

  void on_embedding(ParameterIndex table, std::span<const EmbeddingFactors> uses) override {
    const at::Tensor& ids = uses.front().ids.of_rows;
    const at::Tensor& output_gradient = uses.front().output_gradient;
    const at::Tensor same = ids.unsqueeze(1).eq(ids.unsqueeze(0)).to(output_gradient.scalar_type());  // [T, T]
    for (std::size_t k = 0; k < kProjections; ++k) {
      const at::Tensor rows = signs_[2 * k].index_select(0, ids);
      const at::Tensor columns = output_gradient.mv(signs_[2 * k + 1].narrow(0, 0, output_gradient.size(1)));
      put(table, k, rows.dot(columns));
    }
    put(table, kProjections, output_gradient.matmul(output_gradient.t()).mul(same).sum());
  }

  void on_head(const LinearParameters& p, const HeadFactors& use) override {
    const LinearFactors only{use.input, use.output_gradients.front(), use.rows};
    on_linear({&p, 1}, {&only, 1});
  }

  void on_added(std::span<const AddedFactors>) override {}

  at::Tensor values;  ///< [tensors, 3] float64, by catalogue index, on the host

 private:
  static constexpr std::size_t kProjections = 2;

  void add(ParameterIndex index, const at::Tensor& left, const at::Tensor& right, const at::Tensor& square) {
    for (std::size_t k = 0; k < kProjections; ++k) {
      put(index, k,
          left.mv(signs_[2 * k].narrow(0, 0, left.size(1)))
              .dot(right.mv(signs_[2 * k + 1].narrow(0, 0, right.size(1)))));
    }
    put(index, kProjections, square);
  }

  void add_vector(ParameterIndex index, const at::Tensor& gradient) {
    for (std::size_t k = 0; k < kProjections; ++k) {
      put(index, k, gradient.dot(signs_[2 * k].narrow(0, 0, gradient.size(0))));
    }
    put(index, kProjections, gradient.square().sum());
  }

  // A pass reports the gradient of each tensor once.
  void put(ParameterIndex index, std::size_t function, const at::Tensor& value) {
    values.mutable_data_ptr<double>()[index * kFunctions + function] = value.item<double>();
  }

  const ParameterCatalogue& catalogue_;
  std::array<at::Tensor, 2 * kProjections> signs_;
};

}  // namespace tunescope::test
