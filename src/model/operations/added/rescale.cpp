#include "rescale.hpp"

#include <vector>

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

Value rescale(Recording& pass, std::vector<ModelRescale> rescales, const Value& input) {
  if (rescales.empty()) return input;
  const RowLayout& rows = *input.rows;
  bool is_needed = input.slot.has_value();
  bool needs_vector = false;
  for (const ModelRescale& one : rescales) needs_vector = pass.use(one.vector) || needs_vector;
  is_needed = is_needed || needs_vector;
  const at::TensorOptions type = pass.parameters().first(0).options();
  const at::Tensor before = input.tensor.defined() ? input.tensor : input.bfloat16.to(type);
  const at::Tensor after = before.clone();
  for (const ModelRescale& one : rescales) one.part_of(after, rows).mul_(pass.added(one.vector));
  return pass.record(after, rows, is_needed,
                     [&pass, &rows, rescales = std::move(rescales), factor = needs_vector ? before : at::Tensor(),
                      slot = input.slot](std::span<const TypedResult> outputs, Gradients& gradients) {
                       const at::Tensor& gradient = outputs.front().own;
                       for (const ModelRescale& one : rescales) {
                         const at::Tensor own = one.part_of(gradient, rows);
                         if (pass.needs(one.vector)) {
                           const Recording::AddedUse use{one.vector, one.part_of(factor, rows), {.own = own}};
                           pass.on_added(rows, {&use, 1});
                         }
                         if (slot) own.mul_(pass.added(one.vector));
                       }
                       if (slot) gradients.add(*slot, gradient);
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
