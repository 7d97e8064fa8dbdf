#include "rescale.hpp"

#include <iterator>
#include <set>
#include <vector>

#include "tunescope/kernels/linear.hpp"
#include "tunescope/kernels/products/product_rows.hpp"

namespace tunescope {
namespace {

// A vector of a model, and the columns that it multiplies.
struct ModelRescale {
  Recording::AddedTensor vector;
  Columns columns;

  // These columns of the model's rows.
  at::Tensor part_of(const at::Tensor& all, const RowLayout& rows) const {
    return rows.of_model(all, vector.model).narrow(1, columns.first, columns.count);
  }
};

// `list` is that of inputs or of outputs; the columns of layer `number` begin at `first_columns[number]`.
std::vector<ModelRescale> list_rescales(const ModelParameters& parameters, std::span<const LinearParameters> layers,
                                        std::vector<Rescale> LayerAdditions::*list,
                                        const std::vector<std::int64_t>& first_columns) {
  std::vector<ModelRescale> rescales;
  for (std::size_t model = 0; model < parameters.model_count(); ++model) {
    for (std::size_t number = 0; number < layers.size(); ++number) {
      const LayerAdditions* const added = parameters.additions_to(model, layers[number].weight);
      if (added == nullptr) continue;
      for (const auto& [vector, columns] : added->*list) {
        rescales.push_back({{model, vector}, {first_columns[number] + columns.first, columns.count}});
      }
    }
  }
  return rescales;
}

// All columns, cut where the columns of any model's vector begin or end.
std::vector<ScaledColumns> scaled_columns(const Recording& pass, const std::vector<ModelRescale>& rescales,
                                          std::int64_t width) {
  std::set<std::int64_t> bounds = {0, width};
  for (const auto& [vector, columns] : rescales) bounds.insert({columns.first, columns.first + columns.count});
  std::vector<ScaledColumns> scaled;
  for (auto begin = bounds.begin(); std::next(begin) != bounds.end(); ++begin) {
    const std::int64_t count = *std::next(begin) - *begin;
    scaled.push_back({count, PerModelTensors(pass.parameters().model_count())});
    for (const auto& [vector, columns] : rescales) {
      const std::int64_t first = *begin - columns.first;
      if (first < 0 || first >= columns.count) continue;
      scaled.back().vectors[vector.model] = pass.added(vector).narrow(0, first, count);
    }
  }
  return scaled;
}

Value rescale(Recording& pass, std::vector<ModelRescale> rescales, const Value& input) {
  if (rescales.empty()) return input;
  const RowLayout& rows = *input.rows;
  bool needs_vector = false;
  for (const ModelRescale& one : rescales) needs_vector = pass.use(one.vector) || needs_vector;
  const at::TensorOptions type = pass.parameters().first(0).options();
  const at::Tensor before = input.tensor.defined() ? input.tensor : input.bfloat16.to(type);
  const at::Tensor after = empty_operand_like(before);
  std::vector<ScaledColumns> columns = scaled_columns(pass, rescales, before.size(1));
  multiply_rows(before, columns, rows, after);
  return pass.record(after, rows, input.slot || needs_vector,
                     [&pass, &rows, rescales = std::move(rescales), columns = std::move(columns),
                      factor = needs_vector ? before : at::Tensor(),
                      slot = input.slot](std::span<const TypedResult> outputs, Gradients& gradients) {
                       const at::Tensor& gradient = outputs.front().own;
                       std::vector<Recording::AddedUse> uses;
                       for (const ModelRescale& one : rescales) {
                         if (!pass.needs(one.vector)) continue;
                         uses.push_back({one.vector, one.part_of(factor, rows), {.own = one.part_of(gradient, rows)}});
                       }
                       pass.on_added(rows, uses);
                       if (!slot) return;
                       multiply_rows(gradient, columns, rows, gradient);
                       gradients.add(*slot, gradient);
                     });
}

}  // namespace

Value rescaled_input(Recording& pass, std::span<const LinearParameters> layers, const Value& input) {
  return rescale(
      pass, list_rescales(pass.parameters(), layers, &LayerAdditions::inputs, std::vector<std::int64_t>(layers.size())),
      input);
}

Value rescaled_outputs(Recording& pass, std::span<const LinearParameters> layers, const Value& outputs) {
  std::vector<std::int64_t> first_columns;
  std::int64_t column = 0;
  for (const LinearParameters& layer : layers) {
    first_columns.push_back(column);
    column += layer.outputs(pass.parameters().first(layer.weight).sizes());
  }
  return rescale(pass, list_rescales(pass.parameters(), layers, &LayerAdditions::outputs, first_columns), outputs);
}

}  // namespace tunescope
